import { eventually } from '@titan/testkit'
import { describe, expect } from 'vitest'
import { createConsumer, createInspector } from '../src/index.ts'
import { createGate } from './support/gate.ts'
import { test, type TestJobs } from './support/place.ts'

const meta = (id: string): string => JSON.stringify({ id, dedupe: 1 })

describe('a second job of an id', () => {
  test.for([
    ['ready', {}],
    ['delayed', { delayMs: 60_000 }],
  ] as const)('is a duplicate while the first is %s', async ([, options], { place }) => {
    const queue = place.createQueue()
    expect(await queue.enqueue('work', 1, { id: 'mine', ...options })).toEqual({
      id: 'mine',
      duplicate: false,
    })
    expect(await queue.enqueue('work', 2, { id: 'mine', delayMs: 5 })).toEqual({
      id: 'mine',
      duplicate: true,
    })
    const { ready, delayed } = await queue.stats()
    expect(ready + delayed).toBe(1)
  })

  test('is a duplicate while the first waits behind its ordering key', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 0, { orderingKey: 'k' })
    await queue.enqueue('work', 1, { id: 'mine', orderingKey: 'k' })
    expect(await queue.enqueue('work', 2, { id: 'mine' })).toMatchObject({ duplicate: true })
  })

  test('is a duplicate while the first runs, waits for its retry, and after it is done', async ({
    place,
  }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = await place.startWorker(
      {
        work: async ({ attempt }) => {
          if (attempt === 1) throw new Error('boom')
          await gate.opened
        },
      },
      { backoff: () => 300 },
    )
    const again = async (): Promise<boolean> => (await queue.enqueue('work', 2, { id: 'mine' })).duplicate
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(async () => (await queue.stats()).delayed === 1)
    expect(await again()).toBe(true)
    await eventually(() => worker.running === 1)
    expect(await again()).toBe(true)
    gate.open()
    await eventually(() => worker.counters.completed === 1)
    expect(await again()).toBe(true)
    expect(await place.send('EXISTS', place.keys.live)).toBe(0)
    expect(worker.counters.started).toBe(2)
  })

  test('is a new job when the first is forgotten', async ({ place }) => {
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: () => undefined }, { dedupeMs: 150 })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(() => worker.counters.completed === 1)
    await eventually(async () => !(await queue.enqueue('work', 2, { id: 'mine' })).duplicate)
    await eventually(() => worker.counters.completed === 2)
  })

  test('is a new job at once if nothing is to be remembered', async ({ place }) => {
    const queue = place.createQueue()
    const worker = await place.startWorker({ work: () => undefined }, { dedupeMs: 0 })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(() => worker.counters.completed === 1)
    expect(await queue.enqueue('work', 2, { id: 'mine' })).toMatchObject({ duplicate: false })
    expect(await place.send('EXISTS', place.keys.processed('mine'))).toBe(0)
  })

  test('is a new job when the first is a dead letter', async ({ place }) => {
    const queue = place.createQueue()
    await place.startWorker({ work: () => Promise.reject(new Error('boom')) }, { maxAttempts: 1 })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(async () => (await queue.stats()).dead === 1)
    expect(await queue.enqueue('work', 2, { id: 'mine' })).toMatchObject({ duplicate: false })
  })

  test('is a new job when the first one’s stream was deleted', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1, { id: 'ready' })
    await queue.enqueue('work', 1, { id: 'later', delayMs: 60_000 })
    await place.send('DEL', place.keys.streams[1], place.keys.delayed, place.keys.delayedJobs)
    for (const id of ['ready', 'later'])
      expect(await queue.enqueue('work', 2, { id })).toMatchObject({ duplicate: false })
    expect(await queue.cancel('later')).toBe('done')
  })
})

describe('what the index of ids says and nobody can read', () => {
  const values = ['9:abc:', '2:abc:', '2:1-1', 'x', '', `2:${'9'.repeat(30)}-0:`, 'p:1:k']
  const paths = [
    ['jobs that are ready at once', {}],
    ['delayed jobs', { delayMs: 60_000 }],
  ] as const

  test.for(paths)(
    'fails no other of many %s, and is as if it were not there',
    async ([, options], { place }) => {
      const queue = place.createQueue()
      for (const value of values) await place.send('HSET', place.keys.live, value || 'none', value)
      const ids = [...values.map((value) => value || 'none'), 'fine']
      const answers = await queue.enqueueMany(ids.map((id) => ({ name: 'work', data: 1, id, ...options })))
      expect(answers).toEqual(ids.map((id) => ({ id, duplicate: false })))
      for (const id of ids) expect(await queue.cancel(id)).toBe('done')
      expect(await place.send('EXISTS', place.keys.live)).toBe(0)
    },
  )

  test.for(['9:abc:', '2:abc:', 'x', ''])(
    'as %j is unknown to whoever cancels or looks',
    async (value, { place }) => {
      await place.send('HSET', place.keys.live, 'mine', value)
      expect(await place.createQueue().cancel('mine')).toBe('unknown')
      expect(
        await createInspector(place.redis, place.name, { prefix: place.prefix }).find('mine'),
      ).toBeUndefined()
    },
  )
})

test('the end of a job whose entry was deleted leaves a new job of its id alone', async ({ place }) => {
  const queue = place.createQueue()
  const consumer = createConsumer<TestJobs>(place.redis, place.name, { prefix: place.prefix })
  place.onEnd(() => consumer.close())
  const options = { id: 'mine', orderingKey: 'k' }
  await queue.enqueue('work', 1, options)
  const [lease] = await consumer.claim()
  if (lease === undefined) throw new Error('nothing to claim')
  await place.send('XDEL', place.keys.streams[1], lease.fence.entryId)
  expect(await queue.enqueue('work', 2, options)).toMatchObject({ duplicate: false })
  await consumer.deadLetter(lease, { reason: 'no' })
  expect(await queue.enqueue('work', 3, options)).toMatchObject({ duplicate: true })
  expect(await place.send('HGET', place.keys.ordering, 'k')).toBe('mine')
})

describe('a delivery of a job that is done', () => {
  test('is acked without running it', async ({ place }) => {
    const queue = place.createQueue()
    let runs = 0
    const worker = await place.startWorker({ work: () => void runs++ })
    await queue.enqueue('work', 1, { id: 'mine' })
    await eventually(() => worker.counters.completed === 1)
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '1', 'm', meta('mine'))
    const [skipped] = await eventually(() => {
      const events = place.eventsOf('skipped')
      return events.length > 0 && events
    })
    expect(skipped?.job).toMatchObject({ id: 'mine', name: 'work' })
    expect(runs).toBe(1)
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 })
  })

  test('gives its ordering key free', async ({ place }) => {
    const queue = place.createQueue()
    await place.send('SET', place.keys.processed('mine'), 'x')
    await place.send('HSET', place.keys.ordering, 'k', 'mine')
    await queue.enqueue('work', 2, { orderingKey: 'k' })
    const done: number[] = []
    await place.startWorker({ work: ({ data }) => void done.push(data) })
    const entry = JSON.stringify({ id: 'mine', dedupe: 1, orderingKey: 'k' })
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '1', 'm', entry)
    await eventually(() => done.length === 1)
    expect(done).toEqual([2])
  })

  test('runs when nobody gave it its id', async ({ place }) => {
    await place.send('SET', place.keys.processed('mine'), 'x')
    let runs = 0
    await place.startWorker({ work: () => void runs++ })
    await place.send('XADD', place.keys.streams[1], '*', 'n', 'work', 'd', '1', 'm', '{"id":"mine"}')
    await eventually(() => runs === 1)
  })
})

test('the mark of a done job goes away by itself', async ({ place }) => {
  const worker = await place.startWorker({ work: () => undefined }, { dedupeMs: 60_000 })
  await place.createQueue().enqueue('work', 1, { id: 'mine' })
  await eventually(() => worker.counters.completed === 1)
  const left = await place.send<number>('PTTL', place.keys.processed('mine'))
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(60_000)
})

describe('an id that the library made, given to a second job', () => {
  test.for([{}, { delayMs: 600 }, { orderingKey: 'k' }, { maxAttempts: 2 }])(
    'is a duplicate while the first is delayed: %o',
    async (options, { place }) => {
      const queue = place.createQueue()
      const { id } = await queue.enqueue('work', 1, { delayMs: 300 })
      expect(await queue.enqueue('work', 2, { id, ...options })).toEqual({ id, duplicate: true })
      const together = await queue.enqueueMany([
        { name: 'work', data: 3, id, ...options },
        { name: 'work', data: 4, id: 'other' },
      ])
      expect(together).toMatchObject([{ duplicate: true }, { duplicate: false }])
      const ran: number[] = []
      await place.startWorker({ work: ({ data }) => void ran.push(data) })
      await eventually(() => ran.length === 2)
      expect(ran).toEqual([4, 1])
    },
  )

  test('is a duplicate while the first waits for its retry', async ({ place }) => {
    const queue = place.createQueue()
    const worker = await place.startWorker({
      work: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('boom')) : undefined),
    })
    const { id } = await queue.enqueue('work', 1, { backoff: { type: 'fixed', delayMs: 500 } })
    await eventually(() => worker.counters.retried === 1)
    expect(await queue.enqueue('work', 2, { id, delayMs: 700 })).toEqual({ id, duplicate: true })
    await eventually(() => worker.counters.completed === 1)
  })

  // F184 a job gets the id that the library made for another one, which is delayed, waits for its retry,
  //  runs, or holds the same ordering key: `duplicate: true` while the other is delayed; neither is
  //  overwritten, and they do not run at the same time within a key
  test('overwrites nothing when the first comes back for its retry later', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    const ran: number[] = []
    const worker = await place.startWorker(
      {
        work: async ({ data, attempt }) => {
          await gate.opened
          if (data === 1 && attempt === 1) throw new Error('boom')
          ran.push(data)
        },
      },
      { backoff: () => 60_000 },
    )
    const { id } = await queue.enqueue('work', 1)
    await eventually(() => worker.running === 1)
    expect(await queue.enqueue('work', 2, { id, delayMs: 800 })).toEqual({ id, duplicate: false })
    gate.open()
    await eventually(() => ran.length === 2)
    expect(ran).toEqual([1, 2])
  })

  test('does not run beside the first where both have one ordering key', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const log: string[] = []
    const worker = await place.startWorker({
      work: async ({ data }) => {
        log.push(`begin ${data}`)
        if (data === 1) await gate.opened
        log.push(`end ${data}`)
      },
    })
    const { id } = await queue.enqueue('work', 1, { orderingKey: 'k' })
    await eventually(() => worker.running === 1)
    await queue.enqueue('work', 2, { id, orderingKey: 'k' })
    await queue.enqueue('work', 3, { id: 'other', orderingKey: 'k', delayMs: 50 })
    await eventually(async () => (await queue.stats()).parked === 2)
    gate.open()
    await eventually(() => worker.counters.completed === 3)
    expect(log).toEqual([1, 2, 3].flatMap((data) => [`begin ${data}`, `end ${data}`]))
  })

  test('nor where the second was delayed, or is cancelled then', async ({ place }) => {
    const queue = place.createQueue()
    const gate = createGate()
    place.onEnd(gate.open)
    const worker = await place.startWorker({ work: ({ data }) => (data === 1 ? gate.opened : undefined) })
    const { id } = await queue.enqueue('work', 1, { orderingKey: 'k' })
    await eventually(() => worker.running === 1)
    await queue.enqueue('work', 2, { id, orderingKey: 'k', delayMs: 60_000 })
    await queue.enqueue('work', 3, { orderingKey: 'k' })
    expect(await queue.cancel(id)).toBe('done')
    expect(await queue.stats()).toMatchObject({ parked: 1, ready: 0, leased: 1 })
    await queue.enqueue('work', 4, { id, orderingKey: 'k', delayMs: 20 })
    await eventually(async () => (await queue.stats()).parked === 2)
    gate.open()
    await eventually(() => worker.counters.completed === 3)
  })
})
