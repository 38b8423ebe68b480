import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import {
  createConsumer,
  createInspector,
  createQueue,
  createWorker,
  UnrecoverableError,
  type NewJob,
  type RedisNodeClient,
} from '../src/index.ts'
import { createTestClock, drain } from '../src/testing.ts'
import { range } from './support/collect.ts'
import { test as base, type Place } from './support/place.ts'

// ElastiCache Serverless refuses a command of 4,000 words: every call with more than one command takes.

interface Jobs {
  work: number
  [other: `other-${number}`]: number
}

const MANY = 5_000

/** A client that notes how many words its commands have, also those of the connections that the library opens. */
function record(client: RedisNodeClient, sizes: Map<string, number>): RedisNodeClient {
  return new Proxy(client, {
    get(target, member) {
      if (member === 'sendCommand')
        return (args: string[], options?: object) => {
          const [name = ''] = args
          sizes.set(name, Math.max(sizes.get(name) ?? 0, args.length))
          return target.sendCommand(args, options)
        }
      if (member === 'duplicate') return (options?: object) => record(target.duplicate(options), sizes)
      const value: unknown = Reflect.get(target, member, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const { TITAN_REDIS_CLIENT: name = 'node-redis-6', TITAN_SENTINELS, TITAN_CLUSTER } = process.env
/** Whether the client is one whose commands can be recorded. */
const isNodeRedis = name === 'node-redis-6' && TITAN_SENTINELS === undefined && TITAN_CLUSTER === undefined

/** A place, a recording client, and the size of the largest command so far. */
const test = base.extend<{ rig: { client: RedisNodeClient; largest: () => number; place: Place } }>({
  rig: async ({ place }, use) => {
    const sizes = new Map<string, number>()
    const client = record(place.redis as RedisNodeClient, sizes)
    await use({ client, largest: () => Math.max(...sizes.values()), place })
    expect(Math.max(...sizes.values())).toBeLessThanOrEqual(3_500)
  },
})

const job = (n: number) => ({ name: 'work' as const, data: n })

const KINDS: readonly (readonly [kind: string, make: (n: number) => NewJob<Jobs>])[] = [
  ['plain', job],
  ['of many names', (n) => ({ name: `other-${n % 7}` as const, data: n })],
  ['with ids', (n) => ({ ...job(n), id: `id-${n}` })],
  ['with ids and delays', (n) => ({ ...job(n), id: `id-${n}`, delayMs: 60_000 + n })],
  ['with ordering keys', (n) => ({ ...job(n), orderingKey: `key-${n % 10}` })],
  ['of every kind', (n) => (n % 2 === 0 ? job(n) : { ...job(n), id: `id-${n}`, priority: 'low' })],
]

test.runIf(isNodeRedis).for(KINDS)('many jobs %s fit, in their order', async ([kind, make], { rig }) => {
  const queue = createQueue<Jobs>(rig.client, 'q', { prefix: rig.place.prefix })
  const added = await queue.enqueueMany(range(MANY).map((n) => make(n)))
  expect(added.every(({ duplicate }) => !duplicate)).toBe(true)
  expect(new Set(added.map(({ id }) => id)).size).toBe(MANY)
  expect(rig.largest()).toBeGreaterThan(kind === 'plain' ? 1_000 : 2_500)
  // The same, one call each in one turn.
  await Promise.all(range(2_000).map((n) => queue.enqueue('work', n, { delayMs: 60_000, id: `one-${n}` })))
  expect((await queue.stats()).delayed).toBeGreaterThanOrEqual(2_000)
})

test.runIf(isNodeRedis)('ends of many jobs at once fit: done, again, dead', async ({ rig }) => {
  const shared = { prefix: rig.place.prefix }
  const queue = createQueue<Jobs>(rig.client, 'q', shared)
  await queue.enqueueMany(range(3_000).map((n) => ({ ...job(n), id: `id-${n}` })))
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const worker = createWorker<Jobs>(
    rig.client,
    'q',
    async ({ data, attempt }) => {
      await gate
      if (data % 3 === 1 && attempt === 1) throw new Error('again')
      if (data % 3 === 2) throw new UnrecoverableError('no')
    },
    { ...shared, concurrency: 2_000, maxPrefetch: 2_000, backoff: () => 1, onEvent: () => undefined },
  )
  rig.place.onEnd(() => worker.stop({ graceMs: 0 }))
  await worker.start()
  await eventually(() => expect(worker.running).toBe(2_000))
  open()
  await eventually(async () => expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0 }))
  expect(worker.counters).toMatchObject({
    completed: 2_000,
    retried: 1_000,
    deadLettered: 1_000,
    leasesLost: 0,
  })
  const letterIds = (await queue.deadLetters({ count: MANY })).map(({ letterId }) => letterId)
  expect(await queue.redrive({ letterIds: letterIds.slice(0, 600) })).toMatchObject({ redriven: 600 })
  expect(await queue.deleteDeadLetters(letterIds.slice(600))).toBe(400)
})

test.runIf(isNodeRedis)('leases in the hands of a consumer, and looks at many jobs, fit', async ({ rig }) => {
  const shared = { prefix: rig.place.prefix }
  const queue = createQueue<Jobs>(rig.client, 'q', shared)
  const ids = range(MANY).map((n) => `id-${n}`)
  await queue.enqueueMany(ids.map((id, n) => ({ ...job(n), id })))
  const consumer = createConsumer<Jobs>(rig.client, 'q', shared)
  rig.place.onEnd(() => consumer.close())
  const leases = await consumer.claim({ count: MANY })
  expect(await consumer.renew(leases)).toHaveLength(leases.length)
  await consumer.release(leases)
  const inspector = createInspector(rig.client, 'q', shared)
  expect(await inspector.missing([...ids, 'unknown'])).toEqual(['unknown'])
  await queue.enqueueMany(range(MANY).map((n) => ({ ...job(n), delayMs: 3_600_000 })))
  expect(await inspector.peek('delayed', MANY)).toHaveLength(MANY)
  await createTestClock(rig.client, 'q', shared).advance(3_600_000)
  await drain<Jobs>(rig.client, 'q', () => undefined, shared)
  expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 0 })
})
