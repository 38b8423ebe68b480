import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as api from '../src/index.ts'
import * as testing from '../src/testing.ts'
import {
  createQueue,
  createWorker,
  type DeadLetter,
  type Enqueued,
  type Job,
  type JobContext,
  type NewJob,
  type QueueEvent,
  type RedisClient,
} from '../src/index.ts'

interface Jobs {
  'email.send': { readonly to: string }
  charge: { readonly cents: number }
}

/** Looked at by the compiler, never run. */
const types = (_look: () => unknown): void => undefined
const redis = {} as RedisClient

test('the library offers these names at run time', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "ERROR_SOURCES",
      "FAILURE_CAUSES",
      "QueueError",
      "RetryError",
      "UnrecoverableError",
      "createConsumer",
      "createInspector",
      "createQueue",
      "createWorker",
      "deadLetterPages",
      "exponential",
      "fixed",
      "partitionOf",
      "searchDeadLetters",
    ]
  `)
})

test('the helpers for tests are these', () => {
  expect(Object.keys(testing).toSorted()).toMatchInlineSnapshot(`
    [
      "createTestClock",
      "drain",
      "recordEvents",
      "waitForStats",
    ]
  `)
})

describe('the job map', () => {
  test('correlates name and data of an enqueue', () => {
    types(() => {
      const queue = createQueue<Jobs>(redis, 'q')
      expectTypeOf(queue.enqueue('charge', { cents: 5 })).resolves.toEqualTypeOf<Enqueued>()
      // @ts-expect-error -- data of another job
      void queue.enqueue('charge', { to: 'ada' })
      // @ts-expect-error -- a job that is not in the map
      void queue.enqueue('refund', { cents: 5 })
      // @ts-expect-error -- an option that does not exist
      void queue.enqueue('charge', { cents: 5 }, { delay: 5 })
      // @ts-expect-error -- a priority that does not exist
      void queue.enqueue('charge', { cents: 5 }, { priority: 'urgent' })
    })
  })

  test('correlates name and data of each of many', () => {
    types(() => {
      const queue = createQueue<Jobs>(redis, 'q')
      void queue.enqueueMany([
        { name: 'charge', data: { cents: 5 } },
        { name: 'email.send', data: { to: 'ada' }, id: '1' },
      ])
      // @ts-expect-error -- data of another job
      void queue.enqueueMany([{ name: 'charge', data: { to: 'ada' } }])
      expectTypeOf<{ name: 'charge'; data: { to: string } }>().not.toExtend<NewJob<Jobs>>()
    })
  })

  test('correlates handler and data, and asks for a handler of each job', () => {
    types(() => {
      createWorker<Jobs>(redis, 'q', {
        'email.send': (job, context) => {
          expectTypeOf(job).toEqualTypeOf<Job<'email.send', Jobs['email.send']>>()
          expectTypeOf(job.data.to).toEqualTypeOf<string>()
          expectTypeOf(context).toEqualTypeOf<JobContext>()
        },
        charge: async (job) => expectTypeOf(job.data.cents).toEqualTypeOf<number>(),
      })
      // @ts-expect-error -- no handler for charge
      createWorker<Jobs>(redis, 'q', { 'email.send': () => undefined })
    })
  })

  test('correlates recurring jobs', () => {
    types(() => {
      const queue = createQueue<Jobs>(redis, 'q')
      void queue.schedule('nightly', { cron: '0 3 * * *' }, 'charge', { cents: 5 })
      // @ts-expect-error -- data of another job
      void queue.schedule('nightly', { cron: '0 3 * * *' }, 'charge', { to: 'ada' })
    })
  })

  test('correlates schemas', () => {
    types(() => {
      createQueue<Jobs>(redis, 'q', { schemas: { charge: v.object({ cents: v.number() }) } })
      // @ts-expect-error -- a schema of another type
      createQueue<Jobs>(redis, 'q', { schemas: { charge: v.object({ cents: v.string() }) } })
    })
  })
})

describe('data', () => {
  interface Job {
    readonly at: Date
    readonly tags: Map<string, string>
    readonly note?: string
    readonly maybe: string | undefined
    readonly list: (Date | undefined)[]
    readonly pair: readonly [Date, number]
    readonly kind: 'a' | 'b' | null
    readonly nested: { readonly bytes: Buffer; method(): void }
    readonly anything: unknown
    readonly size: bigint
  }

  test('is typed as it comes out of JSON', () => {
    expectTypeOf<api.Jsonify<Job>>().toEqualTypeOf<{
      readonly at: string
      readonly tags: Record<string, never>
      readonly note?: string
      readonly maybe: string | undefined
      readonly list: (string | null)[]
      readonly pair: readonly [string, number]
      readonly kind: 'a' | 'b' | null
      readonly nested: { readonly bytes: { type: 'Buffer'; data: number[] } }
      readonly anything: unknown
      readonly size: never
    }>()
    expectTypeOf<api.Jsonify<unknown>>().toEqualTypeOf<unknown>()
    // oxlint-disable-next-line typescript/no-explicit-any -- any stays any
    expectTypeOf<api.Jsonify<any>>().toBeAny()
  })

  test('of a handler and of a lease is so, that of an enqueue is as given', () => {
    types(() => {
      const queue = createQueue<{ remind: { at: Date } }>(redis, 'q')
      void queue.enqueue('remind', { at: new Date() })
      createWorker<{ remind: { at: Date } }>(redis, 'q', {
        remind: ({ data }) => expectTypeOf(data.at).toEqualTypeOf<string>(),
      })
      expectTypeOf<api.Lease<{ remind: { at: Date } }>['job']['data']['at']>().toEqualTypeOf<string>()
    })
  })
})

describe('one handler for all names', () => {
  test('gets any job of the map, told by its name', () => {
    types(() => {
      createWorker<Jobs>(redis, 'q', (job, context) => {
        expectTypeOf(context).toEqualTypeOf<JobContext>()
        if (job.name === 'charge') expectTypeOf(job.data.cents).toEqualTypeOf<number>()
        else expectTypeOf(job.data.to).toEqualTypeOf<string>()
      })
    })
  })
})

describe('types without a job map', () => {
  test('take any name and any data, so that JavaScript compiles as it stands', () => {
    types(() => {
      const queue = createQueue(redis, 'q', { maxLength: 5, defaults: { maxAttempts: 3 } })
      void queue.enqueue('welcome', { to: 'ada' })
      void queue.enqueueMany([{ name: 'welcome', data: { to: 'ada' }, id: '1' }])
      void queue.schedule('nightly', { cron: '0 3 * * *' }, 'welcome', { to: 'ada' })
      createWorker(
        redis,
        'q',
        { welcome: (job, { signal }) => expectTypeOf(job.data.to).toBeAny() && signal },
        { concurrency: 5 },
      )
      createWorker(redis, 'q', (job) => expectTypeOf(job.name).toEqualTypeOf<string>())
      void testing.drain(redis, 'q', { welcome: (job) => job.data.to })
      // @ts-expect-error -- an option that does not exist
      void queue.enqueue('welcome', { to: 'ada' }, { delay: 5 })
    })
  })

  test('are those of the schemas, where there are some', () => {
    types(() => {
      const schemas = { charge: v.object({ cents: v.number() }) }
      const queue = createQueue(redis, 'q', { schemas })
      void queue.enqueue('charge', { cents: 5 })
      // @ts-expect-error -- data that does not fit
      void queue.enqueue('charge', { cents: '5' })
      createWorker(
        redis,
        'q',
        { charge: (job) => expectTypeOf(job.data.cents).toEqualTypeOf<number>() },
        { schemas },
      )
    })
  })

  test('are strict: what is in a dead letter is unknown', () => {
    expectTypeOf<DeadLetter['data']>().toEqualTypeOf<unknown>()
    expectTypeOf<JobContext['signal']>().toEqualTypeOf<AbortSignal>()
    expectTypeOf<JobContext['fence']>().toEqualTypeOf<api.Fence>()
  })

  test('an event is told by its type', () => {
    expectTypeOf<QueueEvent['type']>().toEqualTypeOf<
      | ('started' | 'completed' | 'retried' | 'deadLettered' | 'released' | 'leaseLost' | 'settleUnknown')
      | (
          | 'reclaimed'
          | 'skipped'
          | 'zombie'
          | 'deadLettersDropped'
          | 'entriesVanished'
          | 'groupCreated'
          | 'paused'
          | 'resumed'
        )
      | ('warning' | 'error')
    >()
    expectTypeOf<Extract<QueueEvent, { type: 'retried' }>['delayMs']>().toEqualTypeOf<number>()
  })
})
