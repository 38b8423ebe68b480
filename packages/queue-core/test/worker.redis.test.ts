import { eventually } from '@titan/testkit'
import { describe, expect, vi } from 'vitest'
import { jobs } from './support/collect.ts'
import { createGate } from './support/gate.ts'
import { createQueue, createWorker } from '../src/index.ts'
import { test } from './support/place.ts'

describe('a worker', () => {
  test('runs as many jobs at a time as it may', async ({ place }) => {
    const gate = createGate()
    let most = 0
    const worker = place.createWorker(
      {
        work: async () => {
          most = Math.max(most, worker.running)
          await gate.opened
        },
      },
      { concurrency: 3 },
    )
    await worker.start()
    await place.createQueue().enqueueMany(jobs(10))
    await eventually(() => worker.running === 3)
    gate.open()
    await eventually(() => worker.counters.completed === 10)
    expect(most).toBe(3)
  })

  test('starts once, however often it is told to', async ({ place }) => {
    const worker = place.createWorker({ work: () => undefined })
    await Promise.all([worker.start(), worker.start()])
    await worker.start()
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.counters.completed === 1)
    const consumers = await place.send<unknown[]>('XINFO', 'CONSUMERS', place.keys.streams[1], 'workers')
    expect(consumers).toHaveLength(1)
  })

  test('tells what becomes of each job, in order', async ({ place }) => {
    const worker = await place.startWorker(
      { work: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('boom')) : undefined) },
      { backoff: () => 1 },
    )
    const { id } = await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.counters.completed === 1)
    const told = place.events.map((event) => [event.type, 'job' in event ? event.job.attempt : undefined])
    expect(told).toEqual([
      ['started', 1],
      ['retried', 1],
      ['started', 2],
      ['completed', 2],
    ])
    expect(place.events.every((event) => !('job' in event) || event.job.id === id)).toBe(true)
  })

  test('goes on when its listener throws', async ({ place }) => {
    const report = vi.spyOn(console, 'error').mockReturnValue()
    place.onEnd(() => report.mockRestore())
    const worker = await place.startWorker(
      { work: () => undefined },
      {
        onEvent: () => {
          throw new Error('listener broken')
        },
      },
    )
    await place.createQueue().enqueueMany(jobs(3))
    await eventually(() => worker.counters.completed === 3)
    expect(report).toHaveBeenCalledWith(
      expect.stringContaining('onEvent threw'),
      'started',
      expect.objectContaining({ message: 'listener broken' }),
    )
  })

  // F216 two consumer groups start on one queue at the same moment: one of them works it, the other is
  //  refused with `INVALID_OPTIONS`; no job runs twice
  test('of two consumer groups at the same moment is refused to one of them', async ({ place }) => {
    for (let round = 0; round < 10; round++) {
      const name = `q${round}`
      const start = (group: string): Promise<void> => {
        const worker = createWorker(
          place.redis,
          name,
          { work: () => undefined },
          { prefix: place.prefix, group },
        )
        place.onEnd(() => worker.stop({ graceMs: 0 }))
        return worker.start()
      }
      const outcomes = await Promise.allSettled([start('g1'), start('g2'), start('g1')])
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
      expect(refused.length, name).toBeOneOf([1, 2])
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'INVALID_OPTIONS' })
      const groups = await place.send<unknown[]>('XINFO', 'GROUPS', `${place.prefix}:{${name}}:jobs`)
      expect(groups).toHaveLength(1)
    }
  })

  test('of a second consumer group is refused: it would run every job twice', async ({ place }) => {
    await place.startWorker({ work: () => undefined })
    const other = place.createWorker({ work: () => undefined }, { group: 'others' })
    await expect(other.start()).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('XGROUP DESTROY'),
    })
    expect(other.health().state).not.toBe('running')
  })

  test('that was refused may start when the reason is gone', async ({ place }) => {
    await place.send('XGROUP', 'CREATE', place.keys.streams[1], 'others', '0', 'MKSTREAM')
    const worker = place.createWorker({ work: () => undefined })
    await expect(worker.start()).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await place.send('XGROUP', 'DESTROY', place.keys.streams[1], 'others')
    await worker.start()
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.counters.completed === 1)
  })

  // F40 two workers of one name: each has its own name in Redis
  test('has a unique name in Redis, also with the same consumer name', async ({ place }) => {
    const options = { consumer: 'twin' }
    const twins = [
      place.createWorker({ work: () => undefined }, options),
      place.createWorker({ work: () => undefined }, options),
    ]
    const names = twins.map(({ consumer }) => consumer)
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(name).toMatch(/^twin:[0-9a-f]{8}:5000$/)
  })

  test('works jobs that were there before it', async ({ place }) => {
    await place.createQueue().enqueueMany(jobs(50))
    const worker = await place.startWorker({ work: () => undefined })
    await eventually(() => worker.counters.completed === 50)
  })

  test('runs handlers that are not async, thousands of them', async ({ place }) => {
    await place.createQueue().enqueueMany(jobs(5_000))
    let sum = 0
    const worker = await place.startWorker({ work: ({ data }) => void (sum += data) })
    await eventually(() => worker.counters.completed === 5_000)
    expect(sum).toBe((4_999 * 5_000) / 2)
    expect(await place.createQueue().stats()).toMatchObject({ ready: 0, leased: 0 })
  })

  test('of one function runs jobs of every name', async ({ place }) => {
    const queue = createQueue(place.redis, place.name, { prefix: place.prefix })
    const seen: string[] = []
    const worker = createWorker(place.redis, place.name, (job) => seen.push(`${job.name} ${job.data}`), {
      prefix: place.prefix,
    })
    place.onEnd(() => worker.stop())
    await worker.start()
    for (const name of ['a', 'made/at-run-time', 'toString']) await queue.enqueue(name, 1)
    await eventually(() => expect(seen.toSorted()).toEqual(['a 1', 'made/at-run-time 1', 'toString 1']))
  })

  test('shows signs of life', async ({ place }) => {
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = place.createWorker({ work: () => gate.opened })
    expect(worker.health()).toMatchObject({ state: 'new', running: 0, buffered: 0 })
    await worker.start()
    await place.createQueue().enqueue('work', 1)
    await eventually(() => worker.health().running === 1)
    expect(worker.health()).toMatchObject({ state: 'running', paused: false, settling: 0 })
    gate.open()
    await worker.stop()
    expect(worker.health()).toMatchObject({ state: 'stopped', running: 0, settling: 0 })
  })
})

test('done jobs leave nothing behind', async ({ place }) => {
  const queue = place.createQueue()
  const worker = await place.startWorker({ work: () => undefined })
  await queue.enqueueMany(jobs(20))
  await queue.enqueueMany(jobs(20).map((job) => ({ ...job, delayMs: 5, orderingKey: `k${job.data % 3}` })))
  await queue.enqueueMany(jobs(20).map((job) => ({ ...job, id: `id-${job.data}` })))
  await eventually(() => worker.counters.completed === 60)
  await worker.stop()
  const keys = await place.send<string[]>('KEYS', `${place.prefix}:*`)
  const names = keys.map((key) => key.slice(place.keys.base.length + 1))
  expect(names.filter((name) => !name.startsWith('processed:')).toSorted()).toEqual([
    'control',
    'jobs',
    'jobs:high',
    'jobs:low',
    'sequence',
    'tidied',
  ])
  expect(Number(await place.send('PTTL', place.keys.tidied))).toBeGreaterThan(0)
  for (const stream of place.keys.streams) expect(await place.send('XLEN', stream)).toBe(0)
})
