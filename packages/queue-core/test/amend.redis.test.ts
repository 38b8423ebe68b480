import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createGate } from './support/gate.ts'
import { test } from './support/place.ts'

/** Keys of jobs that are left behind. */
const LEFT = ['live', 'delayed', 'delayedJobs', 'parked', 'ordering'] as const

describe('cancel', () => {
  test('removes a delayed job, whoever gave it its id', async ({ place }) => {
    const queue = place.createQueue()
    const { id } = await queue.enqueue('work', 1, { delayMs: 60_000 })
    await queue.enqueue('work', 2, { delayMs: 60_000, id: 'mine' })
    expect([await queue.cancel(id), await queue.cancel('mine')]).toEqual(['done', 'done'])
    expect(await place.send('EXISTS', ...LEFT.map((key) => place.keys[key]))).toBe(0)
  })

  test('removes a waiting job by the id that its producer gave', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'mine', priority: 'high' })
    expect(await queue.cancel('mine')).toBe('done')
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    expect(await place.send('EXISTS', place.keys.live)).toBe(0)
    expect(await queue.enqueue('work', 1, { id: 'mine' })).toMatchObject({ duplicate: false })
  })

  test.for(['k', 'with "quotes"', 'back\\slash', 'ключ', 'a:b'])(
    'removes a waiting job and lets the next one of its ordering key %j run',
    async (orderingKey, { place }) => {
      const queue = place.createQueue()
      await queue.enqueue('work', 1, { id: 'first', orderingKey })
      await queue.enqueue('work', 2, { id: 'second', orderingKey })
      await queue.enqueue('work', 3, { id: 'third', orderingKey })
      expect(await queue.cancel('second')).toBe('done')
      expect(await queue.stats()).toMatchObject({ ready: 1, parked: 1 })
      expect(await queue.cancel('first')).toBe('done')
      expect(await queue.stats()).toMatchObject({ ready: 1, parked: 0 })
      expect(await queue.cancel('third')).toBe('done')
      expect(await place.send('EXISTS', ...LEFT.map((key) => place.keys[key]))).toBe(0)
    },
  )

  test('leaves a running job alone', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = await place.startWorker({ work: () => gate.opened })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(() => worker.running === 1)
    expect(await queue.cancel('mine')).toBe('leased')
    gate.open()
    await eventually(() => worker.counters.completed === 1)
    expect(await queue.cancel('mine')).toBe('unknown')
  })

  test('removes a job that a worker gave back', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'mine' })
    const worker = await place.startWorker(
      { work: (_job, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)) },
      {},
    )
    await eventually(() => worker.running === 1)
    await worker.stop({ graceMs: 0 })
    expect(await queue.stats()).toMatchObject({ ready: 1, leased: 0 })
    expect(await queue.cancel('mine')).toBe('done')
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
    expect(await place.send('EXISTS', place.keys.live)).toBe(0)
  })

  test('removes a job that waits for its retry, and frees its ordering key', async ({ place }) => {
    const queue = place.createQueue()
    const done: number[] = []
    const work = ({ data }: { readonly data: number }): void => {
      if (data === 1) throw new Error('boom')
      done.push(data)
    }
    await place.startWorker({ work }, { backoff: () => 60_000 })
    await queue.enqueue('work', 1, { id: 'first', orderingKey: 'k' })
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    await eventually(async () => (await queue.stats()).delayed === 1)
    expect(await queue.stats()).toMatchObject({ parked: 1 })
    expect(await queue.cancel('first')).toBe('done')
    await eventually(() => done.length === 1)
    await eventually(async () => (await place.send('EXISTS', ...LEFT.map((key) => place.keys[key]))) === 0)
  })

  test('knows no job that never was, nor one that is a dead letter', async ({ place }) => {
    const queue = place.createQueue()
    expect(await queue.cancel('who')).toBe('unknown')
    await place.startWorker({ work: () => Promise.reject(new Error('boom')) }, { maxAttempts: 1 })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(async () => (await queue.stats()).dead === 1)
    expect(await queue.cancel('mine')).toBe('unknown')
  })
})

describe('reschedule', () => {
  test('brings a delayed job forward', async ({ place }) => {
    const queue = place.createQueue()
    const done: string[] = []
    await place.startWorker({ work: (job) => void done.push(job.id) })
    const { id } = await queue.enqueue('work', 1, { delayMs: 60_000 })
    await queue.enqueue('work', 1, { id: 'other', runAt: Date.now() + 60_000 })
    expect(await queue.reschedule(id, { delayMs: 0 })).toBe('done')
    expect(await queue.reschedule('other', { runAt: 0 })).toBe('done')
    await eventually(() => done.length === 2)
    expect(done.toSorted()).toEqual([id, 'other'].toSorted())
  })

  test('puts a delayed job off', async ({ place }) => {
    const queue = place.createQueue()
    const { id } = await queue.enqueue('work', 1, { delayMs: 60_000 })
    const before = (await queue.stats()).nextDueAt ?? 0
    await queue.reschedule(id, { delayMs: 120_000 })
    expect((await queue.stats()).nextDueAt).toBeGreaterThanOrEqual(before + 60_000)
  })

  test('changes nothing about a job that is ready, parked or unknown', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'ready', orderingKey: 'k' })
    await queue.enqueue('work', 2, { id: 'parked', orderingKey: 'k' })
    expect(await queue.reschedule('ready', { delayMs: 1 })).toBe('ready')
    expect(await queue.reschedule('parked', { delayMs: 1 })).toBe('ready')
    expect(await queue.reschedule('who', { delayMs: 1 })).toBe('unknown')
    expect(await queue.stats()).toMatchObject({ ready: 1, parked: 1, delayed: 0 })
  })

  test('tells of a job that runs', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = await place.startWorker({ work: () => gate.opened })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(() => worker.running === 1)
    expect(await queue.reschedule('mine', { delayMs: 1 })).toBe('leased')
  })

  test.for([{ delayMs: -1 }, { delayMs: NaN }, { runAt: 1.5 }])(
    'to %j is refused',
    async (when, { place }) => {
      await expect(place.createQueue().reschedule('x', when)).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
      })
    },
  )
})
