import { once } from 'node:events'
import { eventually, testPrefix } from '@titan/testkit'
import { openTcpProxy } from '@titan/testkit/vitest'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createConsumer, createQueue, createWorker, type RedisClient } from '../src/index.ts'
import { shareConnection } from '../src/redis/connection.ts'
import { keysOf } from '../src/redis/keys.ts'
import { CLIENTS, type ConnectClient, type TestClient } from './support/clients.ts'
import { createGate } from './support/gate.ts'
import { startPrivateServer, type PrivateServer } from './support/private-server.ts'
import { startRig, type Rig } from './support/rig.ts'

// What may differ between clients, for each one. `pnpm test:clients` runs all tests with each.

let server: PrivateServer
beforeAll(async () => {
  server = await startPrivateServer()
})
afterAll(() => server.remove())

async function use(connect: ConnectClient, url: string, name?: string): Promise<TestClient> {
  const client = await connect(url, { name })
  onTestFinished(() => client.destroy())
  return client
}

async function useRig(redis: RedisClient, prefix = testPrefix()): Promise<Rig> {
  const rig = await startRig(redis, { prefix })
  onTestFinished(rig.stop)
  return rig
}

describe.each(Object.entries(CLIENTS))('a client of %s', (_name, connect) => {
  test('carries every kind of job, with scripts that the server forgets, and hears of a pause', async () => {
    const { client, send } = await use(connect, server.url)
    const rig = await useRig(client)
    await rig.enqueue(20)
    await rig.queue.enqueueMany([1, 2].map((n) => ({ name: 'work', data: '', id: `many-${n}` })))
    await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 20, orderingKey: 'a', priority: 'low' })
    await send('SCRIPT', 'FLUSH')
    await rig.queue.enqueue('work', 'again', { id: 'again' })
    await rig.queue.schedule('tick', { cron: '* * * * * *' }, 'work', 'tick')
    await rig.allDone()
    await eventually(() => expect([...rig.runs.keys()].some((id) => id.startsWith('tick@'))).toBe(true))
    expect(await rig.queue.schedules()).toHaveLength(1)
    await rig.queue.unschedule('tick')
    await rig.queue.pause()
    await eventually(() => expect(rig.worker.health().paused).toBe(true))
    await rig.queue.resume()
    await rig.works()
    for (const id of ['many-1', 'many-2', 'late', 'again']) expect(rig.runs.get(id)).toBe(1)
    expect(rig.errors()).toEqual([])
  })

  test('retries, keeps dead letters, and reclaims what a consumer has left', async () => {
    const { client } = await use(connect, server.url)
    const shared = { prefix: testPrefix() }
    const queue = createQueue<{ fail: number; left: number }>(client, 'q', shared)
    const gone = createConsumer<{ fail: number; left: number }>(client, 'q', { ...shared, visibilityMs: 300 })
    await queue.enqueue('left', 1)
    expect(await gone.claim()).toHaveLength(1)
    const attempts: number[] = []
    const worker = createWorker<{ fail: number; left: number }>(
      client,
      'q',
      {
        fail: ({ attempt }) => {
          attempts.push(attempt)
          throw new Error('no')
        },
        left: () => undefined,
      },
      { ...shared, backoff: () => 10, maxAttempts: 2, visibilityMs: 300, onEvent: () => undefined },
    )
    onTestFinished(() => worker.stop({ graceMs: 0 }))
    onTestFinished(() => gone.close())
    await worker.start()
    await queue.enqueue('fail', 1)
    await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 1, ready: 0, leased: 0 }))
    expect(attempts).toEqual([1, 2])
    // It counts after its reply.
    await eventually(() => worker.counters.completed === 1)
    expect((await queue.deadLetters())[0]).toMatchObject({ cause: 'handler_error' })
  })

  test('whose worker stops in a blocking read ends at once and leaves no connection', async () => {
    const name = testPrefix()
    const { client, send } = await use(connect, server.url, name)
    const count = async (): Promise<number> =>
      (await send<string>('CLIENT', 'LIST')).split('\n').filter((line) => line.includes(` name=${name} `))
        .length
    const before = await count()
    const rig = await useRig(client)
    await eventually(async () => expect(await send<string>('CLIENT', 'LIST')).toMatch(/cmd=xreadgroup/))
    expect(await count()).toBeGreaterThanOrEqual(before + 3)
    const gate = createGate()
    rig.hold = gate.opened
    await rig.enqueue(30)
    await eventually(() => expect(rig.worker.running).toBe(10))
    await rig.stop()
    gate.open()
    expect(await rig.queue.stats()).toMatchObject({ ready: 20 })
    await eventually(async () => expect(await count()).toBe(before))
    expect(rig.errors()).toEqual([])
  })

  test('whose connections are killed again and again loses no job and runs none twice', async () => {
    const { client } = await use(connect, server.url)
    const rig = await useRig(client)
    const producer = rig.produce()
    for (let round = 1; round <= 3; round++) {
      const before = rig.runs.size
      await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 10))
      await server.admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    }
    await rig.works()
    await producer.stop()
    await rig.allDone()
  })

  // F285 the reply to an enqueue is lost: it may have been stored, is said so, and is not stored once more
  test('that loses a reply says that the job may be stored, and does not send it again', async () => {
    const proxy = await openTcpProxy(server.url)
    const { client } = await use(connect, proxy.through(server.url))
    const shared = { prefix: testPrefix() }
    const queue = createQueue<{ work: number }>(client, 'q', shared)
    await queue.enqueue('work', 0)
    await proxy.set({ type: 'drop_answers' })
    const error: unknown = await queue.enqueue('work', 1).catch((thrown: unknown) => thrown)
    await proxy.set()
    expect(error).toMatchObject({
      name: 'QueueError',
      code: 'NO_REPLY',
      message: expect.stringMatching(/may have been/),
    })
    // The client is connected again, and what it had kept was sent before this.
    await eventually(() => queue.enqueue('work', 2))
    expect(await server.admin('XLEN', keysOf(shared.prefix, 'q').streams[1])).toBe(3)
  })

  test('hands on what the server refused as it is', async () => {
    const { client, send } = await use(connect, server.url)
    const prefix = testPrefix()
    await send('SET', keysOf(prefix, 'q').streams[1], 'a text')
    const refused = createQueue<{ work: number }>(client, 'q', { prefix }).enqueue('work', 1)
    await expect(refused).rejects.toThrow(/^WRONGTYPE /)
  })
})

// Each waits 5 s for a connection, so they wait together.
describe.concurrent('without a server', () => {
  // AL10 in the terms of the tests: an error has a code and a text, whatever the client says.
  test.each(Object.entries(CLIENTS).filter(([name]) => name !== 'node-redis-4'))(
    'a client of %s says that the job was not sent, and never sends it',
    async (_name, connect) => {
      const own = await startPrivateServer({ persistent: true })
      const client = await connect(own.url)
      try {
        const prefix = testPrefix()
        const queue = createQueue<{ work: number }>(client.client, 'q', { prefix })
        await queue.enqueue('work', 0)
        await own.kill()
        // The first may be on its way when the client notices.
        await queue.enqueue('work', 1).catch(() => undefined)
        const error: unknown = await queue.enqueue('work', 2).catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({
          name: 'QueueError',
          code: 'NOT_SENT',
          message: expect.stringMatching(/was not sent/),
        })
        await own.start()
        await eventually(() => queue.enqueue('work', 3), { timeoutMs: 15_000 })
        expect(await own.admin('XRANGE', keysOf(prefix, 'q').streams[1], '-', '+')).toHaveLength(2)
      } finally {
        await client.destroy()
        await own.remove()
      }
    },
    60_000,
  )

  // It sends a waiting command later, and does not say which one it has sent.
  test('a client of node-redis 4 says that the job may be stored', async () => {
    const own = await startPrivateServer()
    const { client, destroy } = await CLIENTS['node-redis-4'](own.url)
    try {
      const queue = createQueue<{ work: number }>(client, 'q', { prefix: testPrefix() })
      await queue.enqueue('work', 0)
      await own.kill()
      await eventually(() => expect(client).toMatchObject({ isReady: false }))
      await expect(queue.enqueue('work', 1)).rejects.toMatchObject({
        name: 'QueueError',
        code: 'NO_REPLY',
        message: expect.stringContaining('XADD'),
      })
    } finally {
      await destroy()
      await own.remove()
    }
  }, 60_000)
})

test('a connection that is shared names the error of each command', async () => {
  const refusing = {
    isReady: true,
    sendCommand: () => Promise.reject(new Error('')),
  } as unknown as RedisClient
  const sent = shareConnection(refusing, 'k').send(['XLEN', 'k'])
  await expect(sent).rejects.toMatchObject({ code: 'NO_REPLY', message: expect.stringContaining('XLEN') })
})

test.each([
  ['automatic pipelines', { enableAutoPipelining: true }],
  ['replies of RESP3', { replyMapping: 'resp3' }],
  ['RESP2', { protocol: 2 }],
  ['no queue while it is offline', { enableOfflineQueue: false }],
  [
    'other limits',
    { maxRetriesPerRequest: 0, commandTimeout: 3_000, blockingTimeout: 500, socketTimeout: 4_000 },
  ],
  ['reconnecting after an error', { reconnectOnError: () => 2 as const }],
  ['another database', { db: 3 }],
  ['no connection yet', { lazyConnect: true }],
] as const)('a client of ioredis with %s carries every kind of job', async (_name, options) => {
  const client = new Redis(server.port, options)
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  if (!('lazyConnect' in options)) await client.ping().catch(() => once(client, 'ready'))
  const rig = await useRig(client)
  await Promise.all([rig.enqueue(20), rig.enqueue(20)])
  await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 20, orderingKey: 'a', priority: 'high' })
  await rig.queue.schedule('tick', { cron: '0 0 1 1 *' }, 'work', 'tick')
  expect(await rig.queue.schedules()).toMatchObject([{ key: 'tick', nextAt: expect.any(Number) }])
  await rig.allDone()
  await rig.queue.pause()
  await eventually(() => expect(rig.worker.health().paused).toBe(true))
  await rig.queue.resume()
  await rig.works()
  expect([...rig.runs.values()].every((count) => count === 1)).toBe(true)
  expect(rig.errors()).toEqual([])
})
