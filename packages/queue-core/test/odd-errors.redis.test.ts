import { trace } from '@opentelemetry/api'
import { eventually } from '@titan/testkit'
import { describe, expect, vi } from 'vitest'
import { createConsumer, RetryError } from '../src/index.ts'
import { oddValues, revoked } from './support/odd-values.ts'
import { test, type Place } from './support/place.ts'

const NULL_PROTOTYPE: unknown = Object.create(null)

/** A job that fails and a job that does not, each of which a worker that lives can run. */
interface OddJobs {
  bad: number
  good: number
}

/** Throws each value in the call, and in a promise. */
function throwers(): ((value: unknown) => unknown)[] {
  return [
    (value) => {
      throw value
    },
    // oxlint-disable-next-line promise/prefer-promise-reject-errors -- what a handler should not do
    (value) => Promise.reject(value),
    async (value) => {
      await new Promise((resolve) => setImmediate(resolve))
      throw value
    },
  ]
}

async function expectNoTrace(place: Place): Promise<void> {
  const stats = await place.createQueue().stats()
  expect(stats).toMatchObject({ ready: 0, leased: 0, delayed: 0 })
}

describe('whatever a handler throws', () => {
  // F181 a handler throws a value that is no sound error: a null-prototype object, a proxy, a message that is
  //  no text or throws, a text of 20 MB; in the call or in a promise, also as `RetryError` or
  //  `UnrecoverableError`: the attempt failed: the job is tried again or becomes a dead letter with a bounded
  //  text; the worker loses no slot and runs the next job
  test('its job becomes a dead letter with a text, and the worker goes on', async ({ place }) => {
    const values = throwers().flatMap((thrower) =>
      oddValues().map(
        ([, value]) =>
          () =>
            thrower(value),
      ),
    )
    const worker = await place.startWorker<OddJobs>(
      { bad: ({ data }) => values[data]?.(), good: () => undefined },
      { maxAttempts: 1, concurrency: 3, visibilityMs: 60_000 },
    )
    const queue = place.createQueue<OddJobs>()
    for (const [data] of values.entries()) await queue.enqueue('bad', data)
    for (let data = 0; data < 20; data++) await queue.enqueue('good', data)
    await eventually(() => worker.counters.completed === 20)
    // A RetryError that does not count is tried again, and so is one of which nothing can be read.
    await eventually(() => worker.counters.deadLettered === values.length, { timeoutMs: 20_000 })
    expect(worker.running).toBe(0)
    const items = await queue.deadLetters({ count: 1_000 })
    expect(items).toHaveLength(values.length)
    for (const { error } of items) {
      expect(error).not.toBe('')
      expect(error.length).toBeLessThanOrEqual(1_000)
    }
    await expectNoTrace(place)
  })

  // F181
  test('its job is tried again while attempts are left', async ({ place }) => {
    const values = oddValues()
    const worker = await place.startWorker<OddJobs>(
      {
        bad: ({ data, attempt }) => {
          if (attempt === 1) throw values[data]?.[1]
        },
        good: () => undefined,
      },
      { backoff: () => 1, concurrency: 3, visibilityMs: 60_000 },
    )
    const queue = place.createQueue<OddJobs>()
    await queue.enqueueMany(
      values.map((_value, data) => ({ name: 'bad', data, backoff: { type: 'fixed', delayMs: 1 } })),
    )
    const unrecoverable = values.filter(([what]) => what.startsWith('an UnrecoverableError')).length
    await eventually(() => worker.counters.completed === values.length - unrecoverable, { timeoutMs: 20_000 })
    expect(worker.counters).toMatchObject({ deadLettered: unrecoverable })
    await expectNoTrace(place)
  })
})

describe('whatever else a program throws, jobs are settled', () => {
  test('from a backoff', async ({ place }) => {
    const worker = await place.startWorker(
      { work: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('boom')) : undefined) },
      {
        backoff: () => {
          throw NULL_PROTOTYPE
        },
      },
    )
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.counters.completed === 1)
    expect(place.eventsOf('error')).toMatchObject([{ during: 'backoff' }])
  })

  test.for(oddValues().filter(([what]) => !what.includes('20 MB')))(
    'as the delay of a retry: %s',
    async ([, value], { place }) => {
      const worker = await place.startWorker(
        {
          work: ({ attempt }) => {
            if (attempt === 1) throw new RetryError('later', { delayMs: value as number })
          },
        },
        { backoff: () => value as number },
      )
      await place.createQueue().enqueue('work', 1, { maxAttempts: 3 })
      await eventually(() => worker.running === 0 && worker.counters.retried === 1)
    },
  )

  // F182 a backoff, listener, schema, tracer or caller of a consumer throws or passes such a value; a foreign
  //  entry holds a history that cannot be written again: the job is settled all the same
  test('from a listener, at any event', async ({ place }) => {
    const report = vi.spyOn(console, 'error').mockImplementation((...values: unknown[]) => {
      // As util.inspect does where the value has its own inspection.
      if (typeof values.at(-1) !== 'string') throw new Error('cannot be inspected')
    })
    place.onEnd(() => report.mockRestore())
    const worker = await place.startWorker(
      { work: ({ data }) => (data === 1 ? Promise.reject(new Error('boom')) : undefined) },
      {
        maxAttempts: 1,
        onEvent: () => {
          throw revoked({})
        },
      },
    )
    await place.createQueue().enqueueMany([1, 2, 3].map((data) => ({ name: 'work', data })))
    await eventually(() => worker.counters.completed === 2 && worker.counters.deadLettered === 1)
    expect(worker.running).toBe(0)
  })

  test('from a schema, or as its issues', async ({ place }) => {
    const schemaOf = (validate: () => never): object => ({
      '~standard': { version: 1, vendor: 'test', validate },
    })
    const odd = [
      () => {
        throw NULL_PROTOTYPE
      },
      // oxlint-disable-next-line promise/prefer-promise-reject-errors -- what a schema should not do
      () => Promise.reject(NULL_PROTOTYPE),
      () => ({ issues: [{ message: Symbol('s'), path: [NULL_PROTOTYPE, { key: NULL_PROTOTYPE }] }] }),
      () => ({ issues: [NULL_PROTOTYPE] }),
      () => ({ issues: 5 }),
      () => NULL_PROTOTYPE,
      () => null,
    ] as (() => never)[]
    const names = odd.map((_validate, index) => `work${index}`)
    const worker = await place.startWorker(
      Object.fromEntries([...names, 'good'].map((name) => [name, () => undefined])),
      {
        maxAttempts: 1,
        schemas: Object.fromEntries(
          odd.map((validate, index) => [`work${index}`, schemaOf(validate)]),
        ) as never,
      },
    )
    const queue = place.createQueue<Record<string, number>>()
    await queue.enqueueMany([...names, 'good'].map((name) => ({ name, data: 1 })))
    await eventually(() => worker.counters.completed + worker.counters.deadLettered === odd.length + 1)
    await expectNoTrace(place)
  })

  test('from a tracer', async ({ place }) => {
    const fail = (): never => {
      throw NULL_PROTOTYPE
    }
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: fail, startActiveSpan: fail }) })
    place.onEnd(() => trace.disable())
    const worker = await place.startWorker({ work: () => undefined })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await place.createQueue().enqueue('work', 1, { traceparent })
    await eventually(() => worker.counters.completed === 1)
    expect(worker.running).toBe(0)
  })

  test('as the reason of a consumer', async ({ place }) => {
    const queue = place.createQueue()
    const values = oddValues()
    await queue.enqueueMany(values.map((_value, data) => ({ name: 'work', data })))
    const consumer = createConsumer(place.redis, place.name, { prefix: place.prefix, visibilityMs: 60_000 })
    place.onEnd(() => consumer.close())
    const leases = await consumer.claim({ count: values.length })
    expect(leases).toHaveLength(values.length)
    for (const [index, lease] of leases.entries()) {
      const reason = values[index]?.[1] as string
      if (index % 2 === 0) await consumer.deadLetter(lease, { reason })
      else await consumer.retry(lease, { delayMs: 60_000, reason })
    }
    expect(await queue.stats()).toMatchObject({ leased: 0, ready: 0 })
  })

  test('within a foreign entry whose history is too deep to be written again', async ({ place }) => {
    const depth = 50_000
    const history = `${'['.repeat(depth)}${']'.repeat(depth)}`
    const worker = await place.startWorker(
      { work: () => Promise.reject(new Error('boom')) },
      { maxAttempts: 1 },
    )
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '1', 'm', `{"history":${history}}`)
    await eventually(() => worker.counters.deadLettered === 1)
    expect(worker.running).toBe(0)
  })
})
