import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { promote } from '../src/redis/commands.ts'
import { jobs, range } from './support/collect.ts'
import { test, type Place } from './support/place.ts'

async function serverNow(place: Place): Promise<number> {
  const [seconds, micros] = await place.send<[string, string]>('TIME')
  return Number(seconds) * 1_000 + Number(micros) / 1_000
}

describe('a delayed job', () => {
  test('is not ready before its time by the server’s clock', async ({ place }) => {
    const queue = place.createQueue()
    const before = await serverNow(place)
    await queue.enqueue('work', 1, { delayMs: 300 })
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('started').length === 1)
    // The entry is made by the server when the job becomes ready, and its id is the time of that.
    const [started] = place.eventsOf('started')
    expect(Number(started?.job.entryId.split('-')[0])).toBeGreaterThanOrEqual(Math.floor(before) + 300)
  })

  test('with a time in the past is ready at once', async ({ place }) => {
    const queue = place.createQueue()
    await place.startWorker({ work: () => undefined })
    await queue.enqueue('work', 1, { runAt: 1 })
    await eventually(() => place.eventsOf('completed').length === 1)
  })

  test('knows when it was enqueued, not when it became ready', async ({ place }) => {
    const queue = place.createQueue()
    const seen: number[] = []
    const before = Date.now()
    await queue.enqueue('work', 1, { delayMs: 200 })
    const after = Date.now()
    await place.startWorker({ work: (job) => void seen.push(job.enqueuedAt) })
    await eventually(() => seen.length === 1)
    expect(seen[0]).toBeGreaterThanOrEqual(before)
    expect(seen[0]).toBeLessThanOrEqual(after)
  })

  test('that is due earlier than all others is not waited for with them', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { delayMs: 60_000 })
    const worker = await place.startWorker({ work: () => undefined })
    await eventually(() => worker.health().sinceReplyMs < 1_000)
    await queue.enqueue('work', 2, { delayMs: 1 })
    await eventually(() => place.eventsOf('completed').length === 1)
  })

  test('keeps its priority, its options and its ordering key', async ({ place }) => {
    const queue = place.createQueue()
    const seen: unknown[] = []
    await queue.enqueue('work', 1, {
      delayMs: 20,
      priority: 'low',
      maxAttempts: 9,
      orderingKey: 'k',
      id: 'a',
    })
    await place.startWorker({ work: ({ enqueuedAt: _at, ...job }) => void seen.push(job) })
    await eventually(() => seen.length === 1)
    expect(seen).toEqual([
      { id: 'a', name: 'work', data: 1, attempt: 1, maxAttempts: 9, priority: 'low', orderingKey: 'k' },
    ])
  })
})

test('delayed jobs become ready in the order of their times', async ({ place }) => {
  const queue = place.createQueue()
  const now = Math.floor(await serverNow(place))
  // Due one after the other, enqueued the other way round.
  await queue.enqueueMany(
    jobs(50)
      .toReversed()
      .map((job) => ({ ...job, runAt: now + 200 + job.data })),
  )
  const order: number[] = []
  await place.startWorker({ work: ({ data }) => void order.push(data) }, { concurrency: 1 })
  await eventually(() => order.length === 50)
  expect(order).toEqual(range(50))
})

test('those due in the same millisecond become ready in the order in which they were enqueued', async ({
  place,
}) => {
  const queue = place.createQueue()
  const runAt = Math.floor(await serverNow(place)) + 60_000
  await queue.enqueueMany(jobs(40).map((job) => ({ ...job, runAt })))
  for (const data of range(60).slice(40)) await queue.enqueue('work', data, { runAt })
  for (const id of await place.send<string[]>('ZRANGE', place.keys.delayed, 0, -1))
    await place.send('ZADD', place.keys.delayed, 1, id)
  await promote(place.part, 100)
  const ready = await place.send<[string, string[]][]>('XRANGE', place.keys.streams[1], '-', '+')
  expect(ready.map(([, fields]) => Number(fields[3]))).toEqual(range(60))
})

test('more jobs than one step moves are all moved', async ({ place }) => {
  const queue = place.createQueue()
  await queue.enqueueMany(jobs(1_300).map((job) => ({ ...job, runAt: 1 })))
  expect(await queue.stats()).toMatchObject({ delayed: 1_300, ready: 0 })
  const worker = await place.startWorker({ work: () => undefined })
  await eventually(() => worker.counters.completed === 1_300)
  expect(await queue.stats()).toMatchObject({ delayed: 0, ready: 0, leased: 0 })
})

test('many workers move each due job once', async ({ place }) => {
  const queue = place.createQueue()
  const runs = new Map<number, number>()
  const work = ({ data }: { readonly data: number }): void => void runs.set(data, (runs.get(data) ?? 0) + 1)
  for (let n = 0; n < 4; n++) await place.startWorker({ work })
  await queue.enqueueMany(jobs(400).map((job) => ({ ...job, delayMs: job.data % 40 })))
  await eventually(() => runs.size === 400)
  await eventually(async () => (await queue.stats()).leased === 0)
  expect([...runs.values()].every((count) => count === 1)).toBe(true)
})

test('a delayed job waits through a pause', async ({ place }) => {
  const queue = place.createQueue()
  await queue.pause()
  await place.startWorker({ work: () => undefined })
  await queue.enqueue('work', 1, { delayMs: 1 })
  await eventually(async () => (await queue.stats()).ready === 1)
  expect(place.eventsOf('started')).toEqual([])
  await queue.resume()
  await eventually(() => place.eventsOf('completed').length === 1)
})

describe('a delayed job that somebody has damaged', () => {
  test.for([
    ['an envelope that is none', 'x'],
    ['an envelope of a level that is none', '7\nbad\n1\n\nwork\n\n1'],
    ['the envelope of another job', '2\nother\n1\n\nwork\n\n1'],
    ['no envelope', undefined],
  ] as const)('by %s becomes a dead letter, and those behind it run', async ([, envelope], { place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'first', runAt: 1 })
    await queue.enqueue('work', 2, { id: 'bad', runAt: 2 })
    await queue.enqueue('work', 3, { id: 'last', runAt: 3 })
    if (envelope === undefined) await place.send('HDEL', place.keys.delayedJobs, 'bad')
    else await place.send('HSET', place.keys.delayedJobs, 'bad', envelope)
    await place.startWorker({ work: () => undefined })
    await eventually(() => place.eventsOf('completed').length === 2)
    expect(place.eventsOf('deadLettered')).toMatchObject([{ job: { id: 'bad' }, cause: 'undecodable' }])
    expect(await queue.deadLetters()).toMatchObject([
      { id: 'bad', name: '', cause: 'undecodable', fields: { envelope: envelope ?? '' } },
    ])
    expect(await queue.redrive()).toEqual({ redriven: 0, skipped: 1 })
    expect(await queue.stats()).toMatchObject({ delayed: 0, dead: 1 })
    expect(await place.send('HEXISTS', place.keys.live, 'bad')).toBe(0)
    expect(await queue.enqueue('work', 4, { id: 'bad', delayMs: 60_000 })).toMatchObject({ duplicate: false })
  })

  test('can be cancelled', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'bad', delayMs: 60_000 })
    await place.send('HSET', place.keys.delayedJobs, 'bad', 'x')
    expect(await queue.cancel('bad')).toBe('done')
    expect(await place.send('EXISTS', place.keys.live, place.keys.delayed, place.keys.delayedJobs)).toBe(0)
  })
})

test('a delayed job that cannot be moved is kept and reported, and those behind it run', async ({
  place,
}) => {
  const queue = place.createQueue()
  await queue.enqueue('work', 1, { runAt: 1, priority: 'low' })
  await queue.enqueue('work', 2, { runAt: 2 })
  const low = place.keys.streams[2]
  await place.send('SET', low, 'not a stream')
  const { failure } = await promote(place.part, 10)
  expect(failure).toMatch(/WRONGTYPE/)
  expect(await place.send('XLEN', place.keys.streams[1])).toBe(1)
  await place.send('DEL', low)
  expect(await promote(place.part, 10)).toMatchObject({ moved: 1, failure: '' })
  expect(await place.send('XLEN', low)).toBe(1)
})
