import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import { jobs } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test } from './support/place.ts'

test('a worker of no concurrency claims nothing and releases what waits; others run it, at no cost', async ({
  place,
}) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  let runs = 0
  const work = (): Promise<void> | undefined => (++runs === 401 ? gate.opened : undefined)
  await queue.enqueueMany(jobs(2_000))
  const worker = await place.startWorker({ work }, { concurrency: 1 })
  await eventually(() => runs === 401)
  worker.setConcurrency(0)
  await eventually(async () => (await queue.stats()).leased === 1)
  expect(worker.health()).toMatchObject({ running: 1, buffered: 0, paused: false })
  const other = await place.startWorker({ work: () => undefined })
  await eventually(() => other.counters.completed === 1_599)
  gate.open()
  await eventually(() => worker.counters.completed === 401)
  await queue.enqueue('work', 1)
  await eventually(() => other.counters.completed === 1_600)
  expect(worker.counters).toMatchObject({ started: 401, retried: 0 })
  expect(place.eventsOf('reclaimed').every(({ crashes }) => crashes === 0)).toBe(true)
})

test('a worker takes up its work again, as much as it may', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  const worker = await place.startWorker({ work: () => gate.opened }, { concurrency: 8 })
  worker.setConcurrency(0)
  await queue.enqueueMany(jobs(20))
  worker.setConcurrency(1)
  await eventually(() => worker.running === 1)
  // What a read brought beyond that goes back.
  await eventually(async () => (await queue.stats()).leased === 1)
  worker.setConcurrency(8)
  await eventually(() => worker.running === 8)
  gate.open()
  await eventually(() => worker.counters.completed === 20)
})

test('a lower concurrency lets running jobs end, and starts none before there is room', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  const worker = await place.startWorker({ work: () => gate.opened }, { concurrency: 4 })
  await queue.enqueueMany(jobs(10))
  await eventually(() => worker.running === 4)
  worker.setConcurrency(2)
  await queue.enqueueMany(jobs(2))
  await eventually(async () => (await queue.stats()).leased === 4)
  expect(worker.running).toBe(4)
  let most = 0
  worker.setConcurrency(2)
  gate.open()
  await eventually(() => {
    most = Math.max(most, worker.running)
    return worker.counters.completed === 12
  })
  expect(most).toBeLessThanOrEqual(4)
})

test('a concurrency that is no whole number is refused', async ({ place }) => {
  const worker = place.createWorker({ work: () => undefined })
  expect(() => worker.setConcurrency(-1)).toThrow(/concurrency must be a whole number/)
  expect(() => worker.setConcurrency(1.5)).toThrow(/concurrency must be a whole number/)
})
