import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { createClient as createClient4 } from 'redis-4'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5'
import { describe, expect, test } from 'vitest'
import { createConsumer, createInspector, createQueue, createWorker } from '../src/index.ts'

/** A client of ioredis that does not connect. */
const lazy = { lazyConnect: true }
const SENTINELS = { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' }
const noop = (): void => undefined

const UNSUITABLE: readonly (readonly [name: string, client: unknown, advice: RegExp])[] = [
  ['a URL', 'redis://:secret@127.0.0.1', /createClient\(\{ url \}\)/],
  ['nothing', undefined, /must be a client of node-redis .* got undefined/],
  ['an object', { url: 'redis://:secret@127.0.0.1' }, /got an object with "url"/],
  ['a Promise', Promise.resolve(), /await it/],
  [
    'createSentinel with a keyPrefix',
    createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }], keyPrefix: 'app:' }),
    /option "prefix"/,
  ],
  ['createCluster of node-redis 5', createCluster5({ rootNodes: [] }), /install redis 6/],
  ['redis 3', { connected: true, send_command: noop, server_info: {} }, /"redis" 3 or older/],
  ['node-redis 4 in legacyMode', createClient4({ legacyMode: true }), /legacyMode/],
  ['node-redis with a keyPrefix', createClient({ keyPrefix: 'app:' }), /option "prefix"/],
  [
    'a subscribed client of RESP2',
    { isReady: true, isPubSubActive: true, options: { RESP: 2 } },
    /subscribed/,
  ],
  ['a subscribed client of node-redis 5', { isReady: true, isPubSubActive: true, options: {} }, /subscribed/],
  // As @upstash/redis 1.38 is.
  ['@upstash/redis', { client: { request: noop, baseUrl: '' }, opts: {}, pipeline: noop }, /HTTP.*rediss:/],
  ['valkey-glide', { customCommand: noop, socket: {} }, /valkey-glide is not supported/],
  ['ioredis with a keyPrefix', new ioredis6.Redis({ ...lazy, keyPrefix: 'app:' }), /option "prefix"/],
  ['ioredis 5 with a keyPrefix', new ioredis5.Redis({ ...lazy, keyPrefix: 'app:' }), /option "prefix"/],
  ['ioredis with stringNumbers', new ioredis6.Redis({ ...lazy, stringNumbers: true }), /stringNumbers/],
  [
    'ioredis with sentinels and no failover detector',
    new ioredis6.Redis({ ...lazy, ...SENTINELS }),
    /failoverDetector: true/,
  ],
  [
    'iovalkey that reads from a replica',
    new iovalkey.Redis({ ...lazy, ...SENTINELS, failoverDetector: true, role: 'slave' }),
    /role: "slave"/,
  ],
  ['ioredis that monitors', new ioredis5.Redis({ ...lazy, monitor: true }), /monitors/],
  [
    'a cluster of ioredis whose nodes have a keyPrefix',
    new ioredis6.Cluster([{ port: 1 }], { ...lazy, redisOptions: { keyPrefix: 'app:' } }),
    /option "prefix"/,
  ],
]

describe.each(UNSUITABLE)('%s', (_name, client, advice) => {
  test.each([
    ['createQueue', () => createQueue(client as never, 'q')],
    ['createWorker', () => createWorker(client as never, 'q', noop)],
    ['createConsumer', () => createConsumer(client as never, 'q')],
    ['createInspector', () => createInspector(client as never, 'q')],
  ])('is refused by %s, which says what to do and no secret', (_call, act) => {
    expect(act).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS', message: expect.stringMatching(advice) }),
    )
    expect(act).not.toThrow(/secret/)
  })
})

test.each([
  ['createClient', createClient()],
  ['createClient of node-redis 5', createClient5()],
  ['createClient of node-redis 4', createClient4()],
  ['createClientPool', createClientPool()],
  ['createCluster', createCluster({ rootNodes: [] })],
  ['createSentinel', createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] })],
  [
    'createSentinel of node-redis 5',
    createSentinel5({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }),
  ],
  ['Redis of ioredis with sentinels', new ioredis6.Redis({ ...lazy, ...SENTINELS, failoverDetector: true })],
  [
    'Redis of ioredis',
    new ioredis6.Redis({ ...lazy, enableOfflineQueue: false, maxRetriesPerRequest: null }),
  ],
  ['Redis of ioredis 5', new ioredis5.Redis({ ...lazy, enableAutoPipelining: true })],
  ['Redis of iovalkey', new iovalkey.Redis(lazy)],
  ['Cluster of ioredis', new ioredis6.Cluster([{ port: 1 }], lazy)],
  ['Cluster of iovalkey', new iovalkey.Cluster([{ port: 1 }], lazy)],
  ['a subscribed client of RESP3', { isReady: true, isPubSubActive: true, options: { RESP: 3 } }],
])('%s is accepted before it is connected', (_name, client) => {
  createQueue(client as never, 'q')
  createWorker(client as never, 'q', noop)
})

// AL20 of the friction list: jobs were stored where no worker could run them.
describe('the first enqueue', () => {
  function clientOf(info: () => Promise<string>) {
    const sent: string[] = []
    const client = {
      isReady: true,
      sendCommand: async ([command = '']: string[]) => {
        sent.push(command)
        return command === 'INFO' ? info() : command === 'XADD' ? '1-1' : '1-1 1-2'
      },
    }
    return { queue: createQueue<{ work: number }>(client as never, 'q'), sent }
  }

  test('refuses a server that is too old, and stores nothing', async () => {
    const { queue, sent } = clientOf(() => Promise.resolve('redis_version:6.2.14\r\n'))
    const refusal = { code: 'UNSUPPORTED_SERVER', message: expect.stringContaining('6.2.14') }
    await expect(queue.enqueue('work', 1)).rejects.toMatchObject(refusal)
    await expect(queue.enqueueMany([{ name: 'work', data: 1 }])).rejects.toMatchObject(refusal)
    expect(new Set(sent)).toEqual(new Set(['INFO']))
  })

  test('asks once', async () => {
    const { queue, sent } = clientOf(() => Promise.resolve('redis_version:7.0.0\r\n'))
    await Promise.all([queue.enqueue('work', 1), queue.enqueue('work', 2)])
    await queue.enqueue('work', 3)
    expect(sent.filter((command) => command === 'INFO')).toHaveLength(1)
  })

  test('goes ahead where INFO is forbidden', async () => {
    const { queue } = clientOf(() =>
      Promise.reject(new Error("NOPERM User app has no permissions to run 'info'")),
    )
    expect(await queue.enqueue('work', 1)).toMatchObject({ id: '1-1' })
  })

  test('asks again after it got no answer', async () => {
    let isAway = true
    const { queue } = clientOf(() =>
      isAway ? Promise.reject(new Error('The client is closed')) : Promise.resolve('redis_version:8.0.0\r\n'),
    )
    await expect(queue.enqueue('work', 1)).rejects.toMatchObject({ code: 'NOT_SENT' })
    isAway = false
    expect(await queue.enqueue('work', 1)).toMatchObject({ id: '1-1' })
  })
})

describe('a call that fails halfway', () => {
  test('says that nothing was sent only where that holds for each part', async () => {
    const failures = ['The client is closed', 'Socket closed unexpectedly']
    let chunk = 0
    const client = {
      isReady: true,
      sendCommand: ([command]: string[]) =>
        command === 'INFO'
          ? Promise.resolve('redis_version:7.4.0')
          : Promise.reject(new Error(failures[chunk++ % 2])),
    }
    const queue = createQueue<{ work: number }>(client as never, 'q')
    const jobs = Array.from({ length: 2_000 }, (_none, data) => ({ name: 'work' as const, data }))
    await expect(queue.enqueueMany(jobs)).rejects.toMatchObject({ code: 'NO_REPLY' })
    chunk = 0
    await expect(queue.enqueueMany(jobs.slice(0, 10))).rejects.toMatchObject({ code: 'NOT_SENT' })
  })
})
