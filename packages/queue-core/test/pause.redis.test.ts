import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import { jobs } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test } from './support/place.ts'

test('a paused queue takes jobs and runs none; running ones end', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  const worker = await place.startWorker({ work: () => gate.opened })
  await queue.enqueue('work', 1)
  await eventually(() => worker.running === 1)
  await queue.pause()
  await eventually(() => worker.health().paused)
  await queue.enqueueMany(jobs(5))
  gate.open()
  await eventually(() => worker.counters.completed === 1)
  // The worker has looked at Redis since, and left the jobs alone.
  await eventually(async () => (await queue.stats()).ready === 5)
  expect(await queue.stats()).toMatchObject({ paused: true, leased: 0 })
  expect(worker.counters.started).toBe(1)
  await queue.resume()
  await eventually(() => worker.counters.completed === 6)
  expect(await queue.stats()).toMatchObject({ paused: false, ready: 0 })
})

test('jobs claimed ahead are given back, and cost nothing', async ({ place }) => {
  const queue = place.createQueue()
  const gate = createGate()
  place.onEnd(gate.open)
  let runs = 0
  const work = (): Promise<void> | undefined => (++runs === 401 ? gate.opened : undefined)
  await queue.enqueueMany(jobs(2_000))
  const worker = await place.startWorker({ work }, { concurrency: 1 })
  await eventually(() => runs === 401)
  await queue.pause()
  await eventually(async () => (await queue.stats()).leased === 1)
  expect(await queue.stats()).toMatchObject({ ready: 1_599, leased: 1 })
  expect(worker.health().buffered).toBe(0)
  gate.open()
  await queue.resume()
  await eventually(() => worker.counters.completed === 2_000)
  expect(place.eventsOf('reclaimed').every(({ crashes }) => crashes === 0)).toBe(true)
})

test('a worker that starts on a paused queue runs nothing before it is resumed', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueueMany(jobs(3))
  await queue.pause()
  const worker = await place.startWorker({ work: () => undefined })
  expect(worker.health().paused).toBe(true)
  await eventually(() => worker.health().sinceReplyMs < 500)
  expect(worker.counters.started).toBe(0)
  await queue.resume()
  await eventually(() => worker.counters.completed === 3)
})

test('pausing twice and resuming twice is pausing and resuming once', async ({ place }) => {
  const queue = place.createQueue()
  await place.startWorker({ work: () => undefined })
  await queue.pause()
  await queue.pause()
  await eventually(() => place.eventsOf('paused').length === 1)
  await queue.resume()
  await queue.resume()
  await queue.enqueue('work', 1)
  await eventually(() => place.eventsOf('completed').length === 1)
  expect([place.eventsOf('paused').length, place.eventsOf('resumed').length]).toEqual([1, 1])
})

test('a pause of which the signal was lost is noticed all the same', async ({ place }) => {
  const queue = place.createQueue()
  const worker = await place.startWorker({ work: () => undefined })
  await place.send('SET', place.keys.paused, '1')
  await eventually(() => worker.health().paused)
  await place.send('DEL', place.keys.paused)
  await eventually(() => !worker.health().paused)
  await queue.enqueue('work', 1)
  await eventually(() => worker.counters.completed === 1)
})
