import { eventually } from '@titan/testkit'
import * as v from 'valibot'
import { describe, expect, vi } from 'vitest'
import { createQueue, fixed, QueueError, RetryError, UnrecoverableError, type Job } from '../src/index.ts'
import { untilAborted } from './support/gate.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

async function deadLetter(place: Place) {
  return eventually(async () => (await place.createQueue().deadLetters())[0] ?? false)
}

const failing = (): never => {
  throw new Error('boom')
}

describe('a job that fails', () => {
  test('is tried again with its backoff until it succeeds, and counts its attempts', async ({ place }) => {
    const attempts: number[] = []
    const asked: number[] = []
    const work = ({ attempt }: Job): void => {
      attempts.push(attempt)
      if (attempt < 4) throw new Error('boom')
    }
    await place.startWorker({ work }, { backoff: (failures) => (asked.push(failures), failures * 5) })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect([attempts, asked]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3],
    ])
    expect(place.eventsOf('retried').map(({ cause, delayMs }) => [cause, delayMs])).toEqual([
      ['handler_error', 5],
      ['handler_error', 10],
      ['handler_error', 15],
    ])
  })

  test('keeps its id, its data and when it was enqueued over all attempts', async ({ place }) => {
    const seen: Job[] = []
    const work = (job: Job): void => {
      seen.push(job)
      if (job.attempt < 3) throw new Error('boom')
    }
    await place.startWorker({ work }, { backoff: fixed(0) })
    const { id } = await place.createQueue().enqueue('work', 42)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(seen.map((job) => ({ ...job, attempt: 0 }))).toEqual(
      seen.map(() => ({ ...seen[0], id, data: 42, attempt: 0 })),
    )
  })

  // F45 a handler that always throws; a job that kills its workers: dead letter with its story, others
  //  unaffected
  test('too often is a dead letter with its whole story', async ({ place }) => {
    const worker = await place.startWorker({ work: failing }, { maxAttempts: 3, backoff: fixed(1) })
    const before = Date.now()
    const { id } = await place.createQueue().enqueue('work', 42, { priority: 'high' })
    const letter = await deadLetter(place)
    expect(letter).toMatchObject({
      id,
      name: 'work',
      data: 42,
      priority: 'high',
      cause: 'handler_error',
      error: 'boom',
      failures: 3,
      crashes: 0,
      worker: worker.consumer,
      redrives: 0,
      history: [{ error: 'boom' }, { error: 'boom' }, { error: 'boom' }],
    })
    expect(letter.enqueuedAt).toBeGreaterThan(before - 60_000)
    expect(letter.deadAt).toBeGreaterThanOrEqual(letter.enqueuedAt ?? Infinity)
    await eventually(() => worker.counters.deadLettered === 1)
    expect(worker.counters).toMatchObject({ started: 3, completed: 0, retried: 2 })
  })

  test.for([
    ['a number that is none', NaN],
    ['nothing', undefined],
    ['a promise of nothing', Promise.resolve(undefined)],
  ] as const)('is not lost when its backoff says %s', async ([, delayMs], { place }) => {
    await place.startWorker(
      { work: ({ attempt }) => (attempt === 1 ? failing() : undefined) },
      { backoff: () => delayMs as number | Promise<number> },
    )
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(place.eventsOf('error').map(({ during }) => during)).toEqual(['backoff'])
  })

  // F228 a backoff answers a promise, a negative number, nothing, or rejects; it wants the error or the job:
  //  the promise is awaited while the lease is renewed; negative: dead letter at once; else it is reported
  //  and the default delay is used
  test('has a backoff that sees the error and the job, and may promise its delay', async ({ place }) => {
    const asked: unknown[] = []
    await place.startWorker(
      { work: ({ attempt }) => (attempt === 1 ? failing() : undefined) },
      {
        backoff: async (failures, error, job) => {
          asked.push([failures, error.message, job.name, job.data])
          await new Promise((resolve) => setTimeout(resolve, 5))
          return 7
        },
      },
    )
    await place.createQueue().enqueue('work', 42)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(asked).toEqual([[1, 'boom', 'work', 42]])
    expect(place.eventsOf('retried')).toMatchObject([{ delayMs: 7 }])
  })

  test.for([-1, -Infinity, Promise.resolve(-1)])(
    // F228
    'is a dead letter at once when its backoff says %s',
    async (delayMs, { place }) => {
      await place.startWorker({ work: failing }, { backoff: () => delayMs })
      await place.createQueue().enqueue('work', 1)
      await eventually(() => place.eventsOf('deadLettered').length === 1)
      expect(place.eventsOf('deadLettered')).toMatchObject([{ cause: 'handler_error', job: { attempt: 1 } }])
    },
  )

  // F227 a handler enqueues into another queue, which refuses the data: the attempt has failed and is
  //  retried; the job is no dead letter at once
  test('is tried again when its handler met an invalid payload of another queue', async ({ place }) => {
    const other = createQueue<TestJobs>(place.redis, 'other', { prefix: place.prefix, maxPayloadBytes: 2 })
    await place.startWorker(
      { work: ({ attempt }) => (attempt === 1 ? other.enqueue('work', 12_345) : undefined) },
      { backoff: fixed(1) },
    )
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(place.eventsOf('retried')).toMatchObject([{ cause: 'handler_error' }])
  })

  test.for([
    ['throws', failing],
    ['rejects', async () => failing()],
    // F228
  ] as const)('is not lost when its backoff %s', async ([, backoff], { place }) => {
    await place.startWorker({ work: ({ attempt }) => (attempt === 1 ? failing() : undefined) }, { backoff })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(place.eventsOf('error').map(({ during }) => during)).toEqual(['backoff'])
  })
})

describe('a handler decides', () => {
  test('to be called again at its own time, counting or not', async ({ place }) => {
    const attempts: number[] = []
    const work = ({ attempt }: Job): void => {
      attempts.push(attempt)
      if (attempts.length === 1) throw new RetryError('busy', { delayMs: 1, countsAsAttempt: false })
      if (attempts.length === 2) throw new RetryError('busy', { delayMs: 0 })
    }
    await place.startWorker({ work }, { backoff: fixed(60_000) })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(attempts).toEqual([1, 1, 2])
  })

  test('that there is no use in trying again', async ({ place }) => {
    await place.startWorker({ work: () => Promise.reject(new UnrecoverableError('closed account')) })
    await place.createQueue().enqueue('work', 1)
    expect(await deadLetter(place)).toMatchObject({
      cause: 'unrecoverable',
      error: 'closed account',
      failures: 1,
    })
  })

  test('with whatever it throws', async ({ place }) => {
    // oxlint-disable-next-line promise/prefer-promise-reject-errors -- what a handler should not do
    await place.startWorker({ work: () => Promise.reject('just text') }, { maxAttempts: 1 })
    await place.createQueue().enqueue('work', 1)
    expect(await deadLetter(place)).toMatchObject({ error: 'Handler threw just text' })
  })
})

test('a job may have its own attempts and backoff', async ({ place }) => {
  await place.startWorker({ work: failing }, { maxAttempts: 9, backoff: fixed(60_000) })
  const options = { maxAttempts: 2, backoff: { type: 'fixed', delayMs: 1 } } as const
  await place.createQueue().enqueue('work', 1, options)
  expect(await deadLetter(place)).toMatchObject({ failures: 2 })
})

describe('a job of a name that a worker does not know', () => {
  test('is left for one that does', async ({ place }) => {
    const queue = place.createQueue<{ newer: number }>()
    const old = await place.startWorker({ work: () => undefined }, { backoff: fixed(1), maxAttempts: 1_000 })
    await queue.enqueue('newer', 1)
    await eventually(() => place.eventsOf('retried').length > 0)
    expect(place.eventsOf('retried')[0]).toMatchObject({ cause: 'unknown_job' })
    await place.startWorker<{ newer: number }>({ newer: () => undefined })
    await eventually(() => old.stop({ graceMs: 0 }).then(() => place.eventsOf('completed').length === 1))
  })

  test('is a dead letter in the end', async ({ place }) => {
    const queue = place.createQueue<{ newer: number }>()
    await place.startWorker({ work: () => undefined }, { backoff: fixed(1), maxAttempts: 2 })
    await queue.enqueue('newer', 1)
    const letter = await deadLetter(place)
    expect(letter).toMatchObject({ cause: 'unknown_job' })
    expect(letter.error).toBe('No handler for job "newer": this worker knows work')
  })

  test('is never one of the names every object has', async ({ place }) => {
    const queue = place.createQueue<Record<string, number>>()
    await place.startWorker({ work: () => undefined }, { maxAttempts: 1 })
    for (const name of ['constructor', 'toString', '__proto__']) await queue.enqueue(name, 1)
    await eventually(() => place.eventsOf('deadLettered').length === 3)
    expect(new Set(place.eventsOf('deadLettered').map(({ cause }) => cause))).toEqual(
      new Set(['unknown_job']),
    )
  })
})

describe('data that does not fit', () => {
  test('the schema of its worker is a dead letter at once, and its handler is not run', async ({ place }) => {
    const handler = vi.fn<() => void>()
    await place.startWorker(
      { work: handler },
      { schemas: { work: v.pipe(v.number(), v.minValue(10)) }, maxAttempts: 9 },
    )
    await place.createQueue().enqueue('work', 5)
    const letter = await deadLetter(place)
    expect(letter).toMatchObject({ cause: 'invalid_payload', failures: 1, data: 5 })
    expect(handler).not.toHaveBeenCalled()
  })

  test('an async schema neither', async ({ place }) => {
    const work = v.pipeAsync(
      v.number(),
      v.checkAsync((n) => Promise.resolve(n > 5), 'too small'),
    )
    const seen: number[] = []
    await place.startWorker({ work: ({ data }) => void seen.push(data) }, { schemas: { work } })
    await place.createQueue().enqueueMany([5, 6].map((data) => ({ name: 'work' as const, data })))
    expect((await deadLetter(place)).error).toContain('too small')
    await eventually(() => seen.length === 1)
    expect(seen).toEqual([6])
  })

  test('JSON is kept as it came', async ({ place }) => {
    await place.startWorker({ work: () => undefined })
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '{broken')
    expect(await deadLetter(place)).toMatchObject({
      cause: 'invalid_payload',
      data: undefined,
      fields: { n: 'work', d: '{broken' },
    })
  })

  test('the format of an entry at all is a dead letter that says so', async ({ place }) => {
    const worker = await place.startWorker({ work: () => undefined })
    await place.send('XADD', place.keys.streams[1], '*', 'who', 'knows')
    const letter = await deadLetter(place)
    expect(letter).toMatchObject({ cause: 'undecodable', fields: { who: 'knows' }, failures: 0, crashes: 0 })
    expect(await place.createQueue().stats()).toMatchObject({ ready: 0, leased: 0, dead: 1 })
    await eventually(() => worker.counters.deadLettered === 1)
  })

  test('what a script can hand on does not hold up the jobs behind it', async ({ place }) => {
    await place.startWorker({ work: () => undefined })
    const many = Array.from({ length: 10_000 }, (_none, n) => [`f${n}`, 'x']).flat()
    await place.send('XADD', place.keys.streams[1], '*', ...many)
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(await deadLetter(place)).toMatchObject({ cause: 'undecodable' })
  })
})

describe('a handler that takes too long', () => {
  test('is told by its signal, and the attempt has failed', async ({ place }) => {
    const reasons: unknown[] = []
    const work = async (_job: Job, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
      await untilAborted(signal).catch((reason: unknown) => {
        reasons.push(reason)
        throw new Error('what I waited for was aborted')
      })
    }
    await place.startWorker({ work }, { timeoutMs: 20, maxAttempts: 1 })
    await place.createQueue().enqueue('work', 1)
    const letter = await deadLetter(place)
    expect(letter).toMatchObject({ cause: 'timeout', error: 'what I waited for was aborted' })
    expect(reasons).toEqual([expect.objectContaining({ name: 'QueueError', code: 'HANDLER_TIMEOUT' })])
  })

  test('has the time of its job, if that says so', async ({ place }) => {
    const work = (_job: Job, { signal }: { readonly signal: AbortSignal }): Promise<never> =>
      untilAborted(signal)
    await place.startWorker({ work }, { timeoutMs: 60_000, maxAttempts: 1 })
    await place.createQueue().enqueue('work', 1, { timeoutMs: 10 })
    expect(await deadLetter(place)).toMatchObject({ cause: 'timeout' })
  })

  test('and returns all the same has done its work', async ({ place }) => {
    const work = async (_job: Job, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
      await untilAborted(signal).catch((reason: unknown) => expect(reason).toBeInstanceOf(QueueError))
    }
    await place.startWorker({ work }, { timeoutMs: 10 })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => place.eventsOf('completed').length === 1)
  })

  test('without looking at its signal gives up its slot to others', async ({ place }) => {
    let calls = 0
    const work = (): unknown => (++calls === 1 ? new Promise(() => undefined) : undefined)
    await place.startWorker({ work }, { timeoutMs: 10, maxAttempts: 1, concurrency: 1 })
    await place.createQueue().enqueueMany([1, 2].map((data) => ({ name: 'work' as const, data })))
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(place.eventsOf('zombie')).toHaveLength(1)
    expect(await deadLetter(place)).toMatchObject({ cause: 'timeout' })
  })
})
