import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { RetryError, type Job, type JobContext } from '../src/index.ts'
import { jobs, sorted } from './support/collect.ts'
import { createGate, untilAborted } from './support/gate.ts'
import { test } from './support/place.ts'

const obedient = (_job: Job, { signal }: JobContext): Promise<never> => untilAborted(signal)

describe('a worker that stops', () => {
  test('lets running jobs end and stores that', async ({ place }) => {
    const gate = createGate()
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: () => gate.opened })
    await queue.enqueueMany(jobs(3))
    await eventually(() => worker.running === 3)
    const stopped = worker.stop()
    gate.open()
    await stopped
    expect(worker.counters.completed).toBe(3)
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
  })

  test('claims nothing any more', async ({ place }) => {
    const gate = createGate()
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: () => gate.opened })
    await queue.enqueue('work', 1)
    await eventually(() => worker.running === 1)
    const stopped = worker.stop()
    await queue.enqueueMany(jobs(5))
    gate.open()
    await stopped
    expect(worker.counters.started).toBe(1)
    expect(await queue.stats()).toMatchObject({ ready: 5, leased: 0 })
  })

  test('gives back what it had claimed ahead, at once and without cost', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    let runs = 0
    const work = (): Promise<void> | undefined => (++runs > 400 ? gate.opened : undefined)
    await queue.enqueueMany(jobs(3_000))
    const worker = await place.startWorker({ work }, { concurrency: 1 })
    await eventually(() => runs > 400)
    const { buffered } = worker.health()
    const stopped = worker.stop()
    const other = await place.startWorker({ work: () => undefined }, { visibilityMs: 600_000 })
    await eventually(() => other.counters.completed === 3_000 - 401)
    gate.open()
    await stopped
    expect(buffered).toBeGreaterThan(0)
    expect(place.eventsOf('reclaimed').every(({ crashes }) => crashes === 0)).toBe(true)
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
  })

  test('by force aborts its jobs; they cost no attempt and are at others at once', async ({ place }) => {
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: obedient }, { visibilityMs: 600_000 })
    await queue.enqueueMany(jobs(3))
    await eventually(() => worker.running === 3)
    await worker.stop({ graceMs: 10 })
    expect(worker.counters).toMatchObject({ started: 3, released: 3, completed: 0, leasesLost: 0 })
    expect(await queue.stats()).toMatchObject({ ready: 3, leased: 0 })
    const seen: Job[] = []
    const crashes: number[] = []
    const next = await place.startWorker(
      {
        work: (job, { deliveryCount }) => {
          seen.push(job)
          crashes.push(deliveryCount)
        },
      },
      { visibilityMs: 600_000, maxAttempts: 1 },
    )
    await eventually(() => next.counters.completed === 3)
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1])
    expect(crashes).toEqual([2, 2, 2])
    expect(place.eventsOf('reclaimed').map((event) => event.crashes)).toEqual([0, 0, 0])
  })

  test('by force stores the verdict of a handler that still has one', async ({ place }) => {
    const queue = place.createQueue()
    const work = async (job: Job, { signal }: JobContext): Promise<void> => {
      await untilAborted(signal).catch(() => undefined)
      if (job.data === 1) throw new RetryError('half done', { delayMs: 60_000 })
    }
    const worker = await place.startWorker({ work })
    await queue.enqueueMany(jobs(2))
    await eventually(() => worker.running === 2)
    await worker.stop({ graceMs: 0 })
    expect(worker.counters).toMatchObject({ completed: 1, retried: 1, released: 0 })
    expect(await queue.stats()).toMatchObject({ delayed: 1, ready: 0, leased: 0 })
  })

  test('leaves the lease of a handler that does not obey to lapse, so that no second run begins beside it', async ({
    place,
  }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = await place.startWorker({ work: () => gate.opened }, { visibilityMs: 3_000 })
    await queue.enqueue('work', 1)
    await eventually(() => worker.running === 1)
    await worker.stop({ graceMs: 0 })
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 1 })
    let runs = 0
    await place.startWorker({ work: () => void runs++ }, { visibilityMs: 3_000 })
    await eventually(() => runs === 1)
    expect(place.eventsOf('reclaimed')).toMatchObject([{ from: worker.consumer, crashes: 0 }])
  })

  test('more than once stops once', async ({ place }) => {
    const worker = await place.startWorker({ work: () => undefined })
    const first = worker.stop()
    expect(worker.stop()).toBe(first)
    await first
    await worker.stop()
    expect(worker.health().state).toBe('stopped')
    await expect(worker.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('is forgotten by Redis', async ({ place }) => {
    const worker = await place.startWorker({ work: () => undefined })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.counters.completed === 1)
    await worker.stop()
    for (const stream of place.keys.streams)
      expect(await place.send('XINFO', 'CONSUMERS', stream, 'workers')).toEqual([])
  })

  test('before it ever started has nothing to do', async ({ place }) => {
    const worker = place.createWorker({ work: () => undefined })
    await worker.stop()
    await expect(worker.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('while it starts does not go on', async ({ place }) => {
    const worker = place.createWorker({ work: () => undefined })
    const started = worker.start().catch((error: unknown) => error)
    await worker.stop()
    await started
    expect(worker.health().state).toBe('stopped')
  })

  test('while a read is under way loses nothing of what that brings', async ({ place }) => {
    const queue = place.createQueue()
    const done: number[] = []
    const work = ({ data }: { readonly data: number }): void => void done.push(data)
    // Jobs come in at the same moments in which workers stop.
    for (let round = 0; round < 15; round++) {
      const worker = await place.startWorker({ work }, { visibilityMs: 600_000 })
      const enqueued = queue.enqueueMany(
        jobs(20).map(({ name, data }) => ({ name, data: round * 20 + data })),
      )
      await Promise.all([enqueued, worker.stop()])
    }
    const last = await place.startWorker({ work }, { visibilityMs: 600_000 })
    await eventually(() => done.length >= 300)
    await last.stop()
    expect(sorted(done)).toEqual(jobs(300).map(({ data }) => data))
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
  })
})

test('an idle worker does not wait for its blocked read to end', async ({ place }) => {
  const worker = await place.startWorker({ work: () => undefined })
  await eventually(() => worker.health().sinceReadMs > 100)
  const order: string[] = []
  const blockedFor2s = new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      order.push('the read would have ended')
      resolve()
    }, 1_500)
    place.onEnd(() => clearTimeout(timer))
  })
  await Promise.race([worker.stop().then(() => order.push('stopped')), blockedFor2s])
  expect(order).toEqual(['stopped'])
})

// F193 rollouts meet a handler that ignores its signal, again and again: its lease lapses, and no stop counts
//  as a crash
test('handlers that ignore their signal through many rollouts are no crashes of their workers', async ({
  place,
}) => {
  const gate = createGate()
  place.onEnd(gate.open)
  const queue = place.createQueue()
  await queue.enqueue('work', 1)
  for (let rollout = 0; rollout < 4; rollout++) {
    const worker = await place.startWorker({ work: () => gate.opened }, { visibilityMs: 300, maxCrashes: 2 })
    await eventually(() => worker.running === 1)
    await worker.stop({ graceMs: 0 })
    // The lease is left to lapse: the next worker does not run the job before.
    expect(await queue.stats()).toMatchObject({ leased: 1, ready: 0 })
  }
  expect(place.eventsOf('reclaimed').map(({ crashes }) => crashes)).toEqual([0, 0, 0])
  expect(await queue.deadLetters()).toEqual([])
  // Handlers that end after their worker has stopped settle nothing over its closed connection.
  gate.open()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(place.eventsOf('error')).toEqual([])
})

// F189
test('a stop of any length waits for its jobs', async ({ place }) => {
  for (const graceMs of [30 * 86_400_000, Infinity]) {
    const gate = createGate()
    let aborted = false
    const worker = await place.startWorker({
      work: async (_job, { signal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        await gate.opened
      },
    })
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.running === 1)
    const stopped = worker.stop({ graceMs })
    await new Promise((resolve) => setTimeout(resolve, 50))
    gate.open()
    await stopped
    expect(aborted).toBe(false)
    expect(worker.counters.completed).toBe(1)
  }
})
