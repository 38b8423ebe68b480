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

describe('types without a job map', () => {
  test('are strict: what is in a dead letter is unknown', () => {
    expectTypeOf<DeadLetter['data']>().toEqualTypeOf<unknown>()
    expectTypeOf<JobContext['signal']>().toEqualTypeOf<AbortSignal>()
    expectTypeOf<JobContext['fence']>().toEqualTypeOf<api.Fence>()
  })

  test('an event is told by its type', () => {
    expectTypeOf<QueueEvent['type']>().toEqualTypeOf<
      | ('started' | 'completed' | 'retried' | 'deadLettered' | 'released' | 'leaseLost' | 'settleUnknown')
      | ('reclaimed' | 'skipped' | 'zombie' | 'entriesVanished' | 'groupCreated' | 'paused' | 'resumed')
      | ('warning' | 'error')
    >()
    expectTypeOf<Extract<QueueEvent, { type: 'retried' }>['delayMs']>().toEqualTypeOf<number>()
  })
})
