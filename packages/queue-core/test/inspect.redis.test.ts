import { eventually, testPrefix } from '@titan/testkit'
import { createClient } from 'redis'
import { afterAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  createConsumer,
  createInspector,
  createQueue,
  createWorker,
  type Inspector,
  type JobContext,
  type Queue,
  type Worker,
} from '../src/index.ts'

interface Jobs {
  work: { readonly n: number }
}

const redis = createClient({ url: inject('redisUrl') })
await redis.connect()
afterAll(() => redis.destroy())

let prefix: string
let queue: Queue<Jobs>
let inspector: Inspector

beforeEach(() => {
  prefix = testPrefix()
  queue = createQueue<Jobs>(redis, 'q', { prefix })
  inspector = createInspector(redis, 'q', { prefix })
})

/** A worker whose jobs run until the test is over. */
async function startBusyWorker(concurrency: number, partitions = 1): Promise<string> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const options = { prefix, concurrency, partitions, maxPrefetch: 0, consumer: 'w1' }
  const worker = createWorker<Jobs>(redis, 'q', { work: () => over }, options)
  await worker.start()
  onTestFinished(async () => {
    resolve()
    await worker.stop({ graceMs: 0 })
  })
  await eventually(() => expect(worker.running).toBe(concurrency))
  return worker.consumer
}

describe('createInspector', () => {
  it('finds nothing in a queue that was never used', async () => {
    for (const state of ['ready', 'leased', 'delayed', 'parked'] as const)
      expect(await inspector.peek(state)).toEqual([])
    expect(await inspector.consumers()).toEqual([])
    expect(await inspector.find('a')).toBeUndefined()
  })

  // F234 an entry is acknowledged by hand: the inspector does not find it, and its payment gets another job
  it('does not find a job that was acknowledged by hand, which no worker gets again', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a' })
    const consumer = createConsumer<Jobs>(redis, 'q', { prefix })
    onTestFinished(() => consumer.close())
    await consumer.claim()
    expect(await inspector.find('a')).toMatchObject({ state: 'leased' })
    const stream = `${prefix}:{q}:jobs`
    const entry = (await redis.xRange(stream, '-', '+'))?.[0]
    await redis.xAck(stream, 'workers', entry?.id ?? '')
    await queue.enqueue('work', { n: 2 }, { id: 'b' })
    expect(await inspector.find('a')).toBeUndefined()
    expect(await inspector.find('b')).toMatchObject({ state: 'ready' })

    // What docs/redis-layout.md says to do about it.
    const claim = ['XCLAIM', stream, 'workers', '_released', '0', entry?.id ?? '', 'FORCE', 'JUSTID']
    await redis.sendCommand(claim)
    expect(await inspector.find('a')).toMatchObject({ state: 'ready' })
    expect((await consumer.claim({ count: 2 })).map(({ job }) => job.id)).toEqual(['a', 'b'])
  })

  it('names the ids under which no job waits or runs', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'ready' })
    await queue.enqueue('work', { n: 2 }, { id: 'delayed', delayMs: 60_000 })
    await queue.enqueue('work', { n: 3 }, { id: 'holder', orderingKey: 'k', priority: 'high' })
    await queue.enqueue('work', { n: 4 }, { id: 'parked', orderingKey: 'k' })
    const ids = ['ready', 'delayed', 'holder', 'parked', 'never']
    expect(await inspector.missing(ids)).toEqual(['never'])
    expect(await inspector.missing([])).toEqual([])

    await redis.del([`${prefix}:{q}:jobs`, `${prefix}:{q}:delayed:jobs`])
    await redis.hSet(`${prefix}:{q}:live`, 'holder', 'damaged')
    expect(await inspector.missing(ids)).toEqual(['ready', 'delayed', 'holder', 'never'])
  })

  it('goes through the entries of every stream, also those that are no jobs', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a', priority: 'low' })
    await queue.enqueue('work', { n: 2 })
    await redis.xAdd(`${prefix}:{q}:jobs:high`, '*', { x: 'y' })
    const entries = []
    for await (const page of inspector.entries()) entries.push(...page)
    expect(entries.map(({ stream, name, data }) => [stream.replace(/^.*}:/, ''), name, data])).toEqual([
      ['jobs:high', undefined, undefined],
      ['jobs', 'work', { n: 2 }],
      ['jobs:low', 'work', { n: 1 }],
    ])
  })

  it('shows ready jobs by priority, then age, with their data', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a' })
    const plain = await queue.enqueue('work', { n: 2 })
    await queue.enqueue('work', { n: 3 }, { id: 'c', priority: 'high' })

    const jobs = await inspector.peek('ready')
    expect(jobs.map(({ id, data, priority }) => ({ id, data, priority }))).toEqual([
      { id: 'c', data: { n: 3 }, priority: 'high' },
      { id: 'a', data: { n: 1 }, priority: 'default' },
      { id: plain.id, data: { n: 2 }, priority: 'default' },
    ])
    expect(await inspector.peek('ready', 1)).toHaveLength(1)
  })

  it('shows leased jobs with the worker that has them, and leaves them out of the ready ones', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a' })
    await queue.enqueue('work', { n: 2 }, { id: 'b' })
    const consumer = await startBusyWorker(1)

    expect(await inspector.peek('leased')).toMatchObject([
      { state: 'leased', id: 'a', consumer, deliveries: 1, idleMs: expect.any(Number) },
    ])
    expect(await inspector.peek('ready')).toMatchObject([{ id: 'b', consumer: undefined }])
    expect(await inspector.consumers()).toMatchObject([{ name: consumer, leases: 1 }])
    expect(await inspector.find('a')).toMatchObject({ state: 'leased', consumer })
    expect(await inspector.find('b')).toMatchObject({ state: 'ready', data: { n: 2 } })
  })

  it('shows delayed jobs in the order of their times', async () => {
    const runAt = Date.now() + 3_600_000
    await queue.enqueue('work', { n: 1 }, { id: 'late', runAt: runAt + 1 })
    await queue.enqueue('work', { n: 2 }, { id: 'soon', runAt })

    expect(await inspector.peek('delayed')).toMatchObject([
      { state: 'delayed', id: 'soon', name: 'work', data: { n: 2 }, dueAt: runAt },
      { state: 'delayed', id: 'late', dueAt: runAt + 1 },
    ])
    expect(await inspector.find('late')).toMatchObject({ state: 'delayed', dueAt: runAt + 1 })
  })

  it('shows jobs behind their ordering key', async () => {
    for (const id of ['first', 'second', 'third'])
      await queue.enqueue('work', { n: 1 }, { id, orderingKey: 'key:1' })

    expect(await inspector.peek('parked')).toMatchObject([{ id: 'second' }, { id: 'third' }])
    expect(await inspector.find('third')).toMatchObject({ state: 'parked', id: 'third', data: { n: 1 } })
  })

  it('counts a released job as ready', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a' })
    const untilAborted = (_job: unknown, { signal }: JobContext): Promise<never> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const worker = createWorker<Jobs>(redis, 'q', { work: untilAborted }, { prefix })
    await worker.start()
    await eventually(() => expect(worker.running).toBe(1))
    await worker.stop({ graceMs: 0 })

    expect(await inspector.peek('ready')).toMatchObject([{ id: 'a' }])
    expect(await inspector.peek('leased')).toEqual([])
    expect(await inspector.find('a')).toMatchObject({ state: 'ready' })
  })

  it('remembers a job that is done', async () => {
    await queue.enqueue('work', { n: 1 }, { id: 'a' })
    const worker = createWorker<Jobs>(redis, 'q', { work: () => undefined }, { prefix })
    await worker.start()
    onTestFinished(() => worker.stop())

    await eventually(async () => expect(await inspector.find('a')).toBe('done'))
  })

  it('shows what others wrote into the stream', async () => {
    await redis.xAdd(`${prefix}:{q}:jobs`, '*', { whatever: 'x' })

    expect(await inspector.peek('ready')).toMatchObject([{ id: '', name: '', data: undefined }])
  })

  it('looks at every partition', async () => {
    const options = { prefix, partitions: 3 }
    const spread = createQueue<Jobs>(redis, 'q', options)
    for (let n = 0; n < 9; n++) await spread.enqueue('work', { n }, { id: `id-${n}` })
    const consumer = await startBusyWorker(9, 3)

    const view = createInspector(redis, 'q', options)
    expect((await view.peek('leased')).map(({ id }) => id).toSorted()).toEqual(
      Array.from({ length: 9 }, (_, n) => `id-${n}`),
    )
    expect(await view.consumers()).toMatchObject([{ name: consumer, leases: 9 }])
    expect(await view.find('id-7')).toMatchObject({ state: 'leased' })
  })

  it('refuses a name that cannot be one', () => {
    expect(() => createInspector(redis, 'a{b}')).toThrow(/not valid/)
  })
})

describe('the workers of a queue', () => {
  const key = (): string => `${prefix}:{q}:workers`
  const minutesAgo = (minutes: number): string => String(Date.now() - minutes * 60_000)

  async function startIdleWorker(): Promise<Worker> {
    const worker = createWorker<Jobs>(redis, 'q', { work: () => undefined }, { prefix })
    await worker.start()
    onTestFinished(() => worker.stop({ graceMs: 0 }))
    return worker
  }

  // F213 a worker is idle, paused or never got a job; another one is killed; the server’s clock goes back an
  //  hour; the heartbeats are damaged: `inspector.consumers()`, and with it `titan stats`, `titan
  //  doctor` and the dashboard, shows the first as alive and the second as silent, on every server
  it('are alive while idle, paused or without a first job, and gone when they stop', async () => {
    await queue.pause()
    const worker = await startIdleWorker()
    await eventually(async () =>
      expect(await inspector.consumers()).toMatchObject([{ name: worker.consumer, leases: 0 }]),
    )
    await redis.sendCommand(['ZADD', key(), minutesAgo(5), worker.consumer])
    // The next beat comes by itself.
    await eventually(async () => expect((await inspector.consumers())[0]?.idleMs).toBeLessThan(60_000))
    await worker.stop()
    expect(await inspector.consumers()).toEqual([])
    expect(await redis.sendCommand(['EXISTS', key()])).toBe(0)
  })

  // F213
  it('are silent when they do not beat, and forgotten in the end', async () => {
    await redis.sendCommand(['ZADD', key(), minutesAgo(5), 'killed', minutesAgo(16), 'long-gone'])
    const worker = await startIdleWorker()
    await eventually(async () => {
      const seen = await inspector.consumers()
      expect(seen.map(({ name }) => name).toSorted()).toEqual(['killed', worker.consumer].toSorted())
      expect(seen.find(({ name }) => name === 'killed')?.idleMs).toBeGreaterThan(299_000)
    })
    expect(Number(await redis.sendCommand(['PTTL', key()]))).toBeGreaterThan(600_000)
  })

  // F213
  it('do not look alive for the hour by which the clock was set back', async () => {
    await redis.sendCommand(['ZADD', key(), minutesAgo(-60), 'killed'])
    await startIdleWorker()
    await eventually(async () =>
      expect(Number(await redis.sendCommand(['ZSCORE', key(), 'killed']))).toBeLessThanOrEqual(Date.now()),
    )
  })

  // F214 a worker of a version without a heartbeat serves the same queue: it is judged by `XINFO`, as before
  it('of a version without a heartbeat are known by their reads', async () => {
    const worker = await startIdleWorker()
    const stream = `${prefix}:{q}:jobs`
    await redis.sendCommand(['XGROUP', 'CREATECONSUMER', stream, 'workers', 'an-old-one'])
    await eventually(async () =>
      expect(await inspector.consumers()).toMatchObject([
        { name: 'an-old-one', leases: 0, idleMs: expect.any(Number) },
        { name: worker.consumer },
      ]),
    )
  })

  it('include consumers that claim by themselves', async () => {
    const consumer = createConsumer<Jobs>(redis, 'q', { prefix })
    onTestFinished(() => consumer.close())
    expect(await consumer.claim()).toEqual([])
    expect(await inspector.consumers()).toMatchObject([{ name: consumer.name, leases: 0 }])
    await consumer.close()
    expect(await inspector.consumers()).toEqual([])
  })

  // F213
  it('are found although somebody damaged the heartbeats', async () => {
    await queue.enqueue('work', { n: 1 })
    await startBusyWorker(1)
    await redis.sendCommand(['SET', key(), 'damaged'])
    expect(await inspector.consumers()).toMatchObject([{ leases: 1 }])
  })
})
