import { eventually } from '@titan/testkit'
import { openTcpProxy } from '@titan/testkit/vitest'
import { createLog, createRedis, type Redis } from '@titan/service'
import { expect, onTestFinished, test } from 'vitest'
import { startPrivateServer, type PrivateServer } from '../../queue-core/test/support/private-server.ts'

const PATIENT = { timeoutMs: 30_000 }
const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

async function start(): Promise<PrivateServer> {
  const server = await startPrivateServer()
  onTestFinished(() => server.remove())
  return server
}

interface Pair {
  readonly first: PrivateServer
  readonly second: PrivateServer
  /** Leads to the first server until `redirect` leads it to the second. */
  readonly url: string
  redirect(): void
}

/** Starts two servers behind one address. */
async function startPair(): Promise<Pair> {
  const [first, second] = await Promise.all([start(), start()])
  let { port } = first
  const proxy = await openTcpProxy(() => port)
  return { first, second, url: proxy.through(first.url), redirect: () => void (port = second.port) }
}

async function connect(url: string, options?: { readonly acceptsReplica: boolean }): Promise<Redis> {
  const redis = createRedis(url, log, options)
  onTestFinished(() => redis.close())
  await redis.connect(10_000)
  return redis
}

// F124 Redis is demoted in place, also where ROLE is forbidden; an address that leads to a replica at first:
//  each client of the programs leaves the replica until its address leads to a primary
test('a client whose server is demoted in place finds the new one, though it only reads', async () => {
  const { first, second, url, redirect } = await startPair()
  const redis = await connect(url)
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  await eventually(() => expect(redis.isWritable()).toBe(false), PATIENT)
  redirect()
  await eventually(async () => {
    expect(redis.isWritable()).toBe(true)
    expect(await redis.send('key', ['SET', 'key', 'value'])).toBe('OK')
  }, PATIENT)
  expect(await second.admin('GET', 'key')).toBe('value')
}, 60_000)

// F124
test('a client that may not ask for the role leaves a replica by its READONLY', async () => {
  const { first, second, url, redirect } = await startPair()
  for (const { admin } of [first, second]) await admin('ACL', 'SETUSER', 'default', '-role')
  const redis = await connect(url)
  const write = (): Promise<unknown> => redis.send('key', ['SET', 'key', 'value'])
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  await eventually(() => expect(write()).rejects.toThrow(/^READONLY /), PATIENT)
  expect(redis.isWritable()).toBe(false)
  redirect()
  await eventually(async () => expect(await write()).toBe('OK'), PATIENT)
  await eventually(() => expect(redis.isWritable()).toBe(true), PATIENT)
}, 60_000)

// F124
test('a client that began at a replica leaves it when the address leads to the primary', async () => {
  const { first, second, url, redirect } = await startPair()
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  const redis = await connect(url)
  await eventually(() => expect(redis.isWritable()).toBe(false), PATIENT)
  redirect()
  await eventually(() => expect(redis.isWritable()).toBe(true), PATIENT)
}, 60_000)

test('a look at a replica stays there', async () => {
  const [first, second] = await Promise.all([start(), start()])
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  const redis = await connect(first.url, { acceptsReplica: true })
  const id = await redis.send('', ['CLIENT', 'ID'])
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  expect(await redis.send('', ['CLIENT', 'ID'])).toBe(id)
}, 60_000)
