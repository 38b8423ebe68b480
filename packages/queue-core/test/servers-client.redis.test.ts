import { join } from 'node:path'
import { eventually, testPrefix } from '@titan/testkit'
import { createClient, RESP_TYPES } from 'redis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { RedisNodeClient } from '../src/index.ts'
import { startPrivateServer, type PrivateServer } from './support/private-server.ts'
import { startRig } from './support/rig.ts'

const PASSWORD = 'a password'
let server: PrivateServer
beforeAll(async () => {
  server = await startPrivateServer()
  // What a program that produces and works needs, beside the keys under its prefix.
  await server.admin(
    'ACL',
    'SETUSER',
    'app',
    'on',
    `>${PASSWORD}`,
    'resetkeys',
    '~app-*',
    '-@all',
    '+@read',
    '+@write',
    '+@connection',
    '-@dangerous',
    '+eval',
    '+evalsha',
    '+info',
    '+time',
    '+client|unblock',
  )
})
afterAll(() => server.remove())

/** Uses the client for a queue and its worker. */
async function expectToWork(client: RedisNodeClient, prefix = testPrefix()): Promise<void> {
  client.on('error', () => undefined)
  onTestFinished(() => client.destroy?.())
  await client.connect()
  const rig = await startRig(client, { prefix, rateLimit: { max: 1_000, perMs: 1_000 } })
  onTestFinished(rig.stop)
  await rig.enqueue(20)
  await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 20, orderingKey: 'a', priority: 'low' })
  await rig.queue.schedule('tick', { cron: '* * * * * *' }, 'work', 'tick')
  await rig.allDone()
  await eventually(() => expect([...rig.runs.keys()]).toContainEqual(expect.stringContaining('tick@')))
  await rig.queue.unschedule('tick')
  await rig.queue.pause()
  await eventually(() => expect(rig.worker.health().paused).toBe(true))
  await rig.queue.resume()
  await rig.works()
  // The worker's own connections come back the same way.
  await server.admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await rig.works()
  expect(await rig.queue.deadLetters()).toEqual([])
  await rig.stop()
  expect(rig.errors().filter(({ error }) => !/closed|ECONNRESET|EPIPE/i.test(String(error)))).toEqual([])
}

test.for([2, 3] as const)('a client that speaks RESP%i serves', async (RESP) => {
  await expectToWork(createClient({ url: server.url, RESP }))
})

test('a client with its own types of replies serves', async () => {
  const typeMapping = {
    [RESP_TYPES.BLOB_STRING]: Buffer,
    [RESP_TYPES.SIMPLE_STRING]: Buffer,
    [RESP_TYPES.NUMBER]: String,
    [RESP_TYPES.MAP]: Map,
  }
  await expectToWork(createClient({ url: server.url, commandOptions: { typeMapping } }))
})

test('a client of another database serves', async () => {
  const prefix = testPrefix()
  await expectToWork(createClient({ url: `${server.url}/3` }), prefix)
  expect(await server.admin('KEYS', `${prefix}:*`)).toEqual([])
})

test('a client of a user who may do only what is needed serves', async () => {
  const url = `redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`
  await expectToWork(createClient({ url }), `app-${testPrefix()}`)
})

test('a client that gives up reconnecting, waits not at all and times out serves', async () => {
  await expectToWork(
    createClient({
      url: server.url,
      disableOfflineQueue: false,
      socket: { socketTimeout: 500, reconnectStrategy: (retries) => (retries > 50 ? false : 10) },
      pingInterval: 100,
    }),
  )
})

test('a client on a Unix socket serves', async () => {
  const [, folder = ''] = await server.admin<string[]>('CONFIG', 'GET', 'dir')
  const path = join(folder, 'redis.sock')
  const other = await startPrivateServer({ args: ['--unixsocket', path] })
  onTestFinished(other.remove)
  const client = createClient({ url: `unix://${path}` })
  client.on('error', () => undefined)
  onTestFinished(() => client.destroy())
  await client.connect()
  const rig = await startRig(client)
  onTestFinished(rig.stop)
  await rig.works()
})
