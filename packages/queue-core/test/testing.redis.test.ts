import { describe, expect } from 'vitest'
import { createQueue, createWorker, RetryError, type Job } from '../src/index.ts'
import { createTestClock, drain, recordEvents, waitForStats } from '../src/testing.ts'
import { jobs, range, sorted } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type TestJobs } from './support/place.ts'

describe('drain', () => {
  test('runs all there is, and what that enqueues, and tells what became of it', async ({ place }) => {
    const { prefix } = place
    const queue = place.createQueue()
    await queue.enqueueMany(jobs(3))
    const done: number[] = []
    const work = async ({ data }: Job<'work', number>): Promise<void> => {
      done.push(data)
      if (data < 10) await queue.enqueue('work', data + 10, { orderingKey: 'k' })
    }
    const counters = await drain<TestJobs>(place.redis, place.name, { work }, { prefix })
    expect(sorted(done)).toEqual([0, 1, 2, 10, 11, 12])
    expect(counters).toMatchObject({ started: 6, completed: 6, deadLettered: 0 })
  })

  test('of an empty queue is over at once', async ({ place }) => {
    const { prefix } = place
    expect(await drain(place.redis, place.name, () => undefined, { prefix })).toMatchObject({ started: 0 })
  })

  test('waits for jobs that are due soon, and leaves later ones', async ({ place }) => {
    const { prefix } = place
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { delayMs: 200 })
    await queue.enqueue('work', 2, { delayMs: 3_600_000 })
    const done: number[] = []
    const work = ({ data }: Job<'work', number>): void => void done.push(data)
    await drain<TestJobs>(place.redis, place.name, { work }, { prefix })
    expect(done).toEqual([1])
    expect(await queue.stats()).toMatchObject({ delayed: 1 })
  })

  test('skips delays in the order of their times if it is told to, those of retries too', async ({
    place,
  }) => {
    const { prefix } = place
    const queue = place.createQueue()
    await queue.enqueueMany(jobs(20).map((job) => ({ ...job, delayMs: 3_600_000 + job.data * 1_000 })))
    const done: number[] = []
    const work = ({ data, attempt }: Job<'work', number>): void => {
      if (data === 7 && attempt < 3) throw new RetryError('tomorrow', { delayMs: 86_400_000 })
      done.push(data)
    }
    const options = { prefix, skipDelays: true, concurrency: 1 }
    const counters = await drain<TestJobs>(place.redis, place.name, { work }, options)
    expect(counters).toMatchObject({ completed: 20, retried: 2 })
    expect(sorted(done)).toEqual(range(20))
    expect(done.filter((data) => data !== 7)).toEqual(range(20).filter((data) => data !== 7))
  })

  test('of a queue of partitions drains each of them', async ({ place }) => {
    const { prefix } = place
    const shared = { prefix, partitions: 3 }
    const queue = createQueue<TestJobs>(place.redis, place.name, shared)
    await queue.enqueueMany(jobs(9).map((job) => ({ ...job, delayMs: 3_600_000 })))
    const options = { ...shared, skipDelays: true }
    const counters = await drain<TestJobs>(place.redis, place.name, { work: () => undefined }, options)
    expect(counters).toMatchObject({ completed: 9 })
  })

  test('gives up after its time and says what is left', async ({ place }) => {
    const { prefix } = place
    const gate = createGate()
    place.onEnd(gate.open)
    await place.createQueue().enqueue('work', 1)
    const drained = drain<TestJobs>(
      place.redis,
      place.name,
      { work: () => gate.opened },
      { prefix, timeoutMs: 100 },
    )
    await expect(drained).rejects.toThrow(/^Queue "q" is not as expected after 100 ms: \{.*"leased":1/)
  })

  test('of a paused queue would never end, so it is refused', async ({ place }) => {
    const { prefix } = place
    await place.createQueue().pause()
    await expect(drain(place.redis, place.name, () => undefined, { prefix })).rejects.toThrow(/is paused/)
  })
})

describe('a test clock', () => {
  const HOUR = 3_600_000

  test('makes delayed jobs ready when their time has passed, not before, and in the order of their times', async ({
    place,
  }) => {
    const { prefix } = place
    const queue = place.createQueue()
    const clock = createTestClock(place.redis, place.name, { prefix })
    await queue.enqueue('work', 2, { delayMs: 2 * HOUR })
    await queue.enqueue('work', 1, { delayMs: HOUR })
    await queue.enqueue('work', 3, { delayMs: 5 * HOUR })
    await clock.advance(HOUR / 2)
    expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 3 })
    await clock.advance(2 * HOUR)
    expect(await queue.stats()).toMatchObject({ ready: 2, delayed: 1 })
    // What is enqueued later has all of its delay before it.
    await queue.enqueue('work', 4, { delayMs: HOUR })
    const done: number[] = []
    const work = ({ data }: Job<'work', number>): void => void done.push(data)
    await drain<TestJobs>(place.redis, place.name, { work }, { prefix, concurrency: 1 })
    expect(done).toEqual([1, 2])
    await clock.advance(HOUR)
    await drain<TestJobs>(place.redis, place.name, { work }, { prefix })
    expect(done).toEqual([1, 2, 4])
  })

  test('lets a retry’s backoff pass', async ({ place }) => {
    const { prefix } = place
    const clock = createTestClock(place.redis, place.name, { prefix })
    await place.createQueue().enqueue('work', 1)
    const work = ({ attempt }: Job): void => {
      if (attempt === 1) throw new RetryError('tomorrow', { delayMs: 24 * HOUR })
    }
    expect(await drain(place.redis, place.name, { work }, { prefix })).toMatchObject({ retried: 1 })
    await clock.advance(24 * HOUR)
    expect(await drain(place.redis, place.name, { work }, { prefix })).toMatchObject({ completed: 1 })
  })

  test('fires each slot of a recurring job that lies in the time, once', async ({ place }) => {
    const { prefix } = place
    const queue = place.createQueue()
    const clock = createTestClock(place.redis, place.name, { prefix })
    const ids: string[] = []
    const work = ({ id }: Job): void => void ids.push(id)
    const run = async (): Promise<number> => {
      const { completed } = await drain(place.redis, place.name, { work }, { prefix })
      return completed
    }
    await queue.schedule('nightly', { cron: '0 3 * * *' }, 'work', 1)
    const [nightly] = await queue.schedules()
    for (let day = 0; day < 3; day++) {
      await clock.advance(24 * HOUR)
      expect(await run()).toBe(1)
    }
    expect(ids).toEqual(range(3).map((day) => `nightly@${(nightly?.nextAt ?? 0) + day * 24 * HOUR}`))
    await queue.schedule('hourly', { cron: '30 * * * *' }, 'work', 1)
    await clock.advance(12 * HOUR)
    await clock.advance(12 * HOUR)
    expect(await run()).toBe(25)
    expect(new Set(ids).size).toBe(28)
  })

  test('knows the partitions of its queue, and no time that goes back', async ({ place }) => {
    const shared = { prefix: place.prefix, partitions: 3 }
    const queue = createQueue<TestJobs>(place.redis, place.name, shared)
    await queue.enqueueMany(jobs(9).map((job) => ({ ...job, delayMs: HOUR })))
    const clock = createTestClock(place.redis, place.name, shared)
    await expect(clock.advance(-1)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await clock.advance(HOUR)
    expect(await queue.stats()).toMatchObject({ ready: 9, delayed: 0 })
  })
})

describe('waitForStats', () => {
  test('answers the counts that were waited for', async ({ place }) => {
    const queue = place.createQueue()
    const waiting = waitForStats(queue, ({ ready }) => ready === 2)
    await queue.enqueueMany(jobs(2))
    expect(await waiting).toMatchObject({ ready: 2, leased: 0 })
  })

  test('gives up after its time and shows the counts', async ({ place }) => {
    const queue = place.createQueue()
    await expect(waitForStats(queue, () => false, { timeoutMs: 20 })).rejects.toThrow(/"ready":0/)
  })
})

describe('recordEvents', () => {
  test('waits for an event, of one job or of any, to come or come already', async ({ place }) => {
    const { prefix } = place
    const recorder = recordEvents()
    const work = ({ data }: Job<'work', number>): void => {
      if (data === 1) throw new Error('boom')
    }
    const options = { prefix, maxAttempts: 1, onEvent: recorder.onEvent }
    const worker = createWorker<TestJobs>(place.redis, place.name, { work }, options)
    place.onEnd(() => worker.stop())
    await worker.start()
    const [first, second] = await place.createQueue().enqueueMany(jobs(2))
    const dead = await recorder.waitFor('deadLettered', { id: second?.id ?? '' })
    expect(dead).toMatchObject({ cause: 'handler_error', job: { id: second?.id } })
    expect(await recorder.waitFor('completed', { id: first?.id ?? '' })).toMatchObject({ type: 'completed' })
    expect(await recorder.waitFor('deadLettered')).toBe(dead)
    expect(recorder.events).toContain(dead)
  })

  test('gives up after its time and says what came instead, and why the last attempt failed', async () => {
    const recorder = recordEvents()
    const wait = (): Promise<unknown> => recorder.waitFor('deadLettered', { id: 'x', timeoutMs: 10 })
    await expect(wait()).rejects.toThrow(
      'No event "deadLettered" of job "x" came within 10 ms. No other event came: is the worker started',
    )
    const job = { id: 'x', name: 'work', attempt: 1, entryId: '1-0', deliveryCount: 1 }
    recorder.onEvent({ type: 'started', job, waitedMs: 1 })
    recorder.onEvent({ type: 'retried', job, cause: 'handler_error', error: new Error('boom'), delayMs: 700 })
    recorder.onEvent({ type: 'started', job, waitedMs: 1 })
    await expect(wait()).rejects.toThrow(
      'Seen: 2 started, 1 retried. Job "x" failed in attempt 1 (handler_error: boom), tried again after 700 ms',
    )
  })
})
