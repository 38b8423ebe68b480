import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import { jobs } from './support/collect.ts'
import { createGate, untilAborted } from './support/gate.ts'
import { test } from './support/place.ts'

const EMPTY = {
  ready: 0,
  readyByPriority: { high: 0, default: 0, low: 0 },
  leased: 0,
  delayed: 0,
  parked: 0,
  dead: 0,
  oldestReadyMs: 0,
  nextDueAt: undefined,
  paused: false,
  group: '',
}

test('of a queue that never was are all zero', async ({ place }) => {
  expect(await place.createQueue().stats()).toEqual(EMPTY)
})

test('count every job once, in the state in which it is', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  const work = ({ data }: { readonly data: number }): Promise<void> =>
    data === 0 ? Promise.reject(new Error('boom')) : gate.opened
  const worker = await place.startWorker({ work }, { maxAttempts: 1, concurrency: 2 })
  await queue.enqueue('work', 0)
  await eventually(async () => (await queue.stats()).dead === 1)
  await queue.enqueueMany(jobs(3).map((job) => ({ ...job, data: 1 })))
  await eventually(() => worker.running === 2)
  await queue.enqueue('work', 1, { priority: 'high' })
  await queue.enqueue('work', 1, { priority: 'low', orderingKey: 'k' })
  await queue.enqueue('work', 1, { orderingKey: 'k' })
  const runAt = Date.now() + 60_000
  await queue.enqueue('work', 1, { runAt })
  await queue.enqueue('work', 1, { runAt: runAt + 1 })
  await queue.pause()
  await eventually(async () => (await queue.stats()).leased === 2)
  expect(await queue.stats()).toEqual({
    ready: 3,
    readyByPriority: { high: 1, default: 1, low: 1 },
    leased: 2,
    delayed: 2,
    parked: 1,
    dead: 1,
    oldestReadyMs: expect.any(Number),
    nextDueAt: runAt,
    paused: true,
    group: 'workers',
  })
})

test('count a job that was given back as ready, and its age from when it became so', async ({ place }) => {
  const queue = place.createQueue()
  const worker = await place.startWorker({ work: (_job, { signal }) => untilAborted(signal) })
  await queue.enqueue('work', 1)
  await eventually(() => worker.running === 1)
  await worker.stop({ graceMs: 0 })
  const [[id] = []] = await place.send<[string][]>('XRANGE', place.keys.streams[1], '-', '+')
  const [before] = await place.send<[string, string]>('TIME')
  const { oldestReadyMs, ...stats } = await queue.stats()
  expect(stats).toMatchObject({ ready: 1, leased: 0 })
  const age = Number(before) * 1_000 - Number(id?.split('-')[0])
  expect(oldestReadyMs).toBeGreaterThanOrEqual(age)
})

test('take the age of the oldest ready job over all priorities', async ({ place }) => {
  const queue = place.createQueue()
  await place.send('XADD', place.keys.streams[2], '1000-0', 'n', 'work', 'd', '1')
  await queue.enqueue('work', 1, { priority: 'high' })
  expect((await queue.stats()).oldestReadyMs).toBeGreaterThan(1_000_000_000_000)
})
