import { eventually, testPrefix } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createQueue,
  createWorker,
  UnrecoverableError,
  type Handlers,
  type Queue,
  type WorkerOptions,
} from '../src/index.ts'
import { partitionKeys } from '../src/redis/partition.ts'
import { startRig } from './support/rig.ts'
import { CLUSTER_CLIENTS, type ClusterClient } from './support/cluster-clients.ts'
import { startTestCluster, type TestCluster } from './support/cluster.ts'

interface Jobs {
  work: number
  broken: string
}

let cluster: TestCluster
let client: ClusterClient
beforeAll(async () => {
  cluster = await startTestCluster()
  client = await cluster.connect()
})
afterAll(async () => {
  client.destroy()
  await cluster.stop()
})

describe.each([1, 6])('a queue of %i partitions on a cluster', (partitions) => {
  function makeQueue(): { queue: Queue<Jobs>; prefix: string } {
    const prefix = testPrefix()
    return { queue: createQueue<Jobs>(client.client, 'orders', { prefix, partitions }), prefix }
  }

  async function startWorker(
    prefix: string,
    handlers: Partial<Handlers<Jobs>>,
    options: WorkerOptions<Jobs> = {},
  ): Promise<void> {
    const all: Handlers<Jobs> = { work: () => undefined, broken: () => undefined, ...handlers }
    const worker = createWorker<Jobs>(client.client, 'orders', all, { prefix, partitions, ...options })
    onTestFinished(() => worker.stop({ graceMs: 0 }))
    await worker.start()
  }

  test('runs what is enqueued, alone and in bulk, each job once', async () => {
    const { queue, prefix } = makeQueue()
    const seen: number[] = []
    await startWorker(prefix, { work: (job) => void seen.push(job.data) })
    await queue.enqueue('work', 0)
    await queue.enqueueMany(
      Array.from({ length: 3_000 }, (_none, index) => ({ name: 'work', data: index + 1 })),
    )
    await eventually(() => expect(seen).toHaveLength(3_001))
    expect(new Set(seen).size).toBe(3_001)
    await eventually(async () => expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 }))
    expect(seen).toHaveLength(3_001)
  })

  test('knows the ids of live and done jobs', async () => {
    const { queue, prefix } = makeQueue()
    const seen: number[] = []
    expect(await queue.enqueue('work', 1, { id: 'a' })).toEqual({ id: 'a', duplicate: false })
    expect(await queue.enqueue('work', 2, { id: 'a' })).toEqual({ id: 'a', duplicate: true })
    await startWorker(prefix, { work: (job) => void seen.push(job.data) })
    await eventually(async () => expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 }))
    expect(await queue.enqueue('work', 3, { id: 'a' })).toEqual({ id: 'a', duplicate: true })
    expect(seen).toEqual([1])
  })

  test('delays, moves and cancels jobs', async () => {
    const { queue, prefix } = makeQueue()
    const seen: number[] = []
    await startWorker(prefix, { work: (job) => void seen.push(job.data) })
    await queue.enqueue('work', 1, { delayMs: 50 })
    await queue.enqueue('work', 2, { id: 'far', delayMs: 3_600_000 })
    await queue.enqueue('work', 3, { id: 'never', delayMs: 3_600_000 })
    expect(await queue.cancel('never')).toBe('done')
    expect(await queue.reschedule('far', { delayMs: 0 })).toBe('done')
    await eventually(() => expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2]))
    expect(await queue.stats()).toMatchObject({ delayed: 0 })
  })

  test('serves priorities and keeps the order of a key', async () => {
    const { queue, prefix } = makeQueue()
    const order: number[] = []
    for (let index = 0; index < 20; index++) await queue.enqueue('work', index, { orderingKey: 'account-7' })
    for (const priority of ['low', 'default', 'high'] as const) await queue.enqueue('work', -1, { priority })
    await startWorker(prefix, { work: (job) => void (job.data >= 0 && order.push(job.data)) })
    await eventually(async () =>
      expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, parked: 0 }),
    )
    expect(order).toEqual(Array.from({ length: 20 }, (_none, index) => index))
  })

  test('tries again, gives up, shows the dead letters and makes them jobs again', async () => {
    const { queue, prefix } = makeQueue()
    let isMended = false
    const done: string[] = []
    await startWorker(
      prefix,
      {
        broken(job) {
          if (!isMended) throw job.data === 'now' ? new UnrecoverableError('no') : new Error('not yet')
          done.push(job.data)
        },
      },
      { maxAttempts: 2, backoff: () => 10 },
    )
    for (let index = 0; index < 12; index++) await queue.enqueue('broken', index % 2 === 0 ? 'now' : 'later')
    await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 12 }))
    const letters = await queue.deadLetters({ count: 5 })
    expect(letters).toHaveLength(5)
    const rest = await queue.deadLetters({ after: letters.at(-1)?.letterId ?? '', count: 100 })
    expect(rest).toHaveLength(7)
    const [first] = letters
    expect(await queue.peekDeadLetter(first?.letterId ?? '')).toEqual(first)
    expect(await queue.deleteDeadLetters([first?.letterId ?? ''])).toBe(1)
    isMended = true
    expect(await queue.redrive()).toEqual({ redriven: 11, skipped: 0 })
    await eventually(() => expect(done).toHaveLength(11))
    expect(await queue.stats()).toMatchObject({ dead: 0 })
  })

  test('pauses and resumes', async () => {
    const { queue, prefix } = makeQueue()
    const seen: number[] = []
    await queue.pause()
    await startWorker(prefix, { work: (job) => void seen.push(job.data) })
    await queue.enqueueMany(Array.from({ length: 12 }, (_none, index) => ({ name: 'work', data: index })))
    expect(await queue.stats()).toMatchObject({ ready: 12, paused: true })
    expect(seen).toEqual([])
    await queue.resume()
    await eventually(() => expect(seen).toHaveLength(12))
  })

  test('fires recurring jobs', async () => {
    const { queue, prefix } = makeQueue()
    const seen: number[] = []
    await startWorker(prefix, { work: (job) => void seen.push(job.data) })
    await queue.schedule('tick', { cron: '* * * * * *' }, 'work', 7)
    expect(await queue.schedules()).toMatchObject([{ key: 'tick', cron: '* * * * * *' }])
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(2))
    expect(await queue.unschedule('tick')).toBe(true)
  })

  test('keeps every key of a partition in one slot', async () => {
    const { queue, prefix } = makeQueue()
    await startWorker(
      prefix,
      {
        broken() {
          throw new UnrecoverableError('no')
        },
        work: (_job, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      },
      { concurrency: 20 },
    )
    for (let index = 0; index < 24; index++) {
      const id = `job-${index}`
      await queue.enqueue('broken', id, { id, priority: index % 2 === 0 ? 'high' : 'low', orderingKey: id })
      await queue.enqueue('work', index, { id: `delayed-${index}`, delayMs: 3_600_000 })
      await queue.enqueue('work', index, { orderingKey: `key-${index % 8}` })
    }
    await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 24 }))
    const slots = new Map<string, Set<number>>()
    for (const node of await cluster.masters())
      for (const key of await node.send<string[]>('KEYS', `${prefix}:*`)) {
        const tag = /\{(.*)\}/.exec(key)?.[1] ?? key
        const slot = await node.send<number>('CLUSTER', 'KEYSLOT', key)
        slots.set(tag, (slots.get(tag) ?? new Set()).add(slot))
      }
    expect(slots.size).toBe(partitions)
    for (const [tag, used] of slots) expect([tag, used.size]).toEqual([tag, 1])
  })

  test('opens three connections a partition, each to the master of its slot', async () => {
    const name = testPrefix()
    const named = await cluster.connect({ name })
    onTestFinished(() => named.destroy())
    const before = await connectionsOf(name)
    const worker = createWorker<Jobs>(
      named.client,
      'orders',
      { work: () => undefined, broken: () => undefined },
      { prefix: name, partitions },
    )
    onTestFinished(() => worker.stop())
    await worker.start()
    const after = await connectionsOf(name)
    const homes: string[] = []
    for (const key of keys(name)) homes.push((await cluster.masterOf(key)).id)
    for (const { id } of cluster.nodes) {
      const expected = homes.filter((home) => home === id).length * 3
      expect((after.get(id) ?? 0) - (before.get(id) ?? 0)).toBe(expected)
    }
  })

  function keys(prefix: string): string[] {
    return partitionKeys(prefix, 'orders', partitions).map((of) => of.dlq)
  }
})

test.each(Object.entries(CLUSTER_CLIENTS))(
  'a cluster client of %s carries every kind of job',
  async (_name, connect) => {
    const used = await connect(cluster.urls)
    onTestFinished(() => used.destroy())
    const rig = await startRig(used.client, { partitions: 6 })
    onTestFinished(rig.stop)
    await rig.enqueue(60)
    await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 20, orderingKey: 'a', priority: 'low' })
    await rig.allDone()
    // Clients and workers follow a slot that moves.
    await cluster.failover(await cluster.masterOf(partitionKeys(rig.prefix, 'q', 6)[0]?.dlq ?? ''))
    for (let index = 0; index < 12; index++)
      await eventually(() => rig.queue.enqueue('work', `moved-${index}`, { id: `moved-${index}` }), {
        timeoutMs: 20_000,
      })
    await rig.allDone()
    expect(rig.runs.size).toBe(73)
    expect(await rig.queue.stats()).toMatchObject({ ready: 0, leased: 0, dead: 0 })
  },
  60_000,
)

/** How many connections of this name each node has. */
async function connectionsOf(name: string): Promise<Map<string, number>> {
  const counts = cluster.nodes.map(async (node) => {
    const list = await node.send<string>('CLIENT', 'LIST', 'TYPE', 'normal')
    return [node.id, list.split('\n').filter((line) => line.includes(` name=${name} `)).length] as const
  })
  return new Map(await Promise.all(counts))
}
