import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import type { Job, Priority, Worker, WorkerOptions } from '../src/index.ts'
import { jobs } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

const PRIORITIES: readonly Priority[] = ['high', 'default', 'low']

/** Enqueues `count` jobs of each priority and answers in which order one worker runs them. */
async function orderOf(
  place: Place,
  count: number,
  options: WorkerOptions<TestJobs>,
): Promise<readonly Priority[]> {
  const queue = place.createQueue()
  for (const priority of PRIORITIES.toReversed())
    await queue.enqueueMany(jobs(count).map((job) => ({ ...job, priority })))
  const order: Priority[] = []
  const work = async (job: Job): Promise<void> => {
    order.push(job.priority)
    await Promise.resolve()
  }
  await place.startWorker({ work }, { concurrency: 1, ...options })
  await eventually(() => order.length === 3 * count)
  return order
}

const countOf = (order: readonly Priority[], priority: Priority): number =>
  order.filter((one) => one === priority).length

test('each priority gets its share while all have a backlog, and none starves', async ({ place }) => {
  const order = await orderOf(place, 300, {})
  // The worker begins before it knows the backlog; from then on 6 : 3 : 1, with the granularity of its reads.
  const head = order.slice(0, 300)
  expect(countOf(head, 'high')).toBeGreaterThan(countOf(head, 'default'))
  expect(countOf(head, 'default')).toBeGreaterThan(countOf(head, 'low'))
  expect(countOf(head, 'low')).toBeGreaterThan(10)
})

test('weights of one’s own are kept', async ({ place }) => {
  const order = await orderOf(place, 300, { priorities: { high: 1, default: 1, low: 8 } })
  const head = order.slice(0, 300)
  expect(countOf(head, 'low')).toBeGreaterThan(countOf(head, 'high'))
  expect(countOf(head, 'high')).toBeGreaterThan(10)
})

test('strict priorities leave the low ones for the end', async ({ place }) => {
  const order = await orderOf(place, 100, { priorities: 'strict', maxPrefetch: 0 })
  // What was claimed before a higher job came is run after it, so there is no exception.
  expect(order).toEqual(PRIORITIES.flatMap((priority) => Array<Priority>(100).fill(priority)))
})

test('jobs of one priority are run in their order', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueueMany(jobs(500))
  const order: number[] = []
  await place.startWorker({ work: ({ data }) => void order.push(data) }, { concurrency: 1 })
  await eventually(() => order.length === 500)
  expect(order).toEqual(jobs(500).map(({ data }) => data))
})

test.for([1, 2, 3, 4, 5])(
  // F185 all three priorities have a backlog, with 1 to 5 slots and handlers of any length: 6, 3 and 1 of ten
  //  start; no worker claims more than it can start
  'with %d slots the shares are the weights, and no claimed job is given back',
  async (concurrency, { place }) => {
    const queue = place.createQueue()
    for (const priority of PRIORITIES) await queue.enqueueMany(jobs(150).map((job) => ({ ...job, priority })))
    const order: Priority[] = []
    const work = async (job: Job): Promise<void> => {
      order.push(job.priority)
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
    await place.startWorker({ work }, { concurrency, maxPrefetch: 0 })
    await eventually(() => order.length >= 200)
    expect(place.eventsOf('released')).toEqual([])
    const head = order.slice(0, 200)
    // Each read may be one job of a slot off the exact shares.
    expect(Math.abs(countOf(head, 'high') - 120)).toBeLessThanOrEqual(2 * concurrency)
    expect(Math.abs(countOf(head, 'default') - 60)).toBeLessThanOrEqual(2 * concurrency)
    expect(Math.abs(countOf(head, 'low') - 20)).toBeLessThanOrEqual(2 * concurrency)
  },
)

test.for([1, 2])(
  // F186 jobs of three priorities or of several partitions arrive together at idle workers: each starts at
  //  once on its own worker: it releases what it cannot start in the same turn
  'jobs of three priorities that arrive together start at once on idle workers: %d partitions',
  async (partitions, { place }) => {
    const gate = createGate()
    const workers = await Promise.all(
      Array.from({ length: 4 }, () =>
        place.startWorker({ work: () => gate.opened }, { concurrency: 1, partitions, visibilityMs: 30_000 }),
      ),
    )
    place.onEnd(gate.open)
    await eventually(() => workers.every((worker) => worker.health().unreadMs > 50))
    const queue = place.createQueue({ partitions })
    await queue.enqueueMany(PRIORITIES.map((priority, data) => ({ name: 'work', data, priority })))
    const sum = (of: (worker: Worker) => number): number => workers.reduce((total, one) => total + of(one), 0)
    await eventually(() => sum(({ running }) => running) > 0)
    // What a worker cannot start it gives back in the same turn.
    expect(sum((worker) => worker.health().buffered)).toBe(0)
    await eventually(() => sum(({ running }) => running) === 3)
  },
)
