import { eventually } from '@titan/servers/testing'
import { closeRedis, connectRedis, createLog, createRedis, isWritable, type Redis } from '@titan/service'
import { expect, onTestFinished, test } from 'vitest'
import { startPrivateServer, type PrivateServer } from '../../queue-core/test/support/private-server.ts'
import { startTcpProxy, type TcpProxy } from '../../queue-core/test/support/tcp-proxy.ts'

const PATIENT = { timeoutMs: 30_000 }
const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

async function start(): Promise<PrivateServer> {
  const server = await startPrivateServer()
  onTestFinished(() => server.remove())
  return server
}

/** Two servers behind one address, which leads to the first one until it is redirected. */
async function startPair(): Promise<{ first: PrivateServer; second: PrivateServer; address: TcpProxy }> {
  const [first, second] = await Promise.all([start(), start()])
  const address = await startTcpProxy(first.port)
  onTestFinished(() => address.close())
  return { first, second, address }
}

async function connect(url: string, options?: { readonly acceptsReplica: boolean }): Promise<Redis> {
  const redis = createRedis(url, log, options)
  onTestFinished(() => closeRedis(redis))
  await connectRedis(redis, url, 10_000)
  return redis
}

test('a client whose server is demoted in place finds the new one, though it only reads', async () => {
  const { first, second, address } = await startPair()
  const redis = await connect(address.url)
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  await eventually(() => expect(isWritable(redis)).toBe(false), PATIENT)
  address.redirect(second.port)
  await eventually(async () => {
    expect(isWritable(redis)).toBe(true)
    expect(await redis.set('key', 'value')).toBe('OK')
  }, PATIENT)
  expect(await second.admin('GET', 'key')).toBe('value')
}, 60_000)

test('a client that may not ask for the role leaves a replica by its READONLY', async () => {
  const { first, second, address } = await startPair()
  for (const { admin } of [first, second]) await admin('ACL', 'SETUSER', 'default', '-role')
  const redis = await connect(address.url)
  const write = (): Promise<unknown> => redis.sendCommand(['SET', 'key', 'value'])
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  await eventually(() => expect(write()).rejects.toThrow(/^READONLY /), PATIENT)
  expect(isWritable(redis)).toBe(false)
  address.redirect(second.port)
  await eventually(async () => expect(await write()).toBe('OK'), PATIENT)
  await eventually(() => expect(isWritable(redis)).toBe(true), PATIENT)
}, 60_000)

test('a client that began at a replica leaves it when the address leads to the primary', async () => {
  const { first, second, address } = await startPair()
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  const redis = await connect(address.url)
  await eventually(() => expect(isWritable(redis)).toBe(false), PATIENT)
  address.redirect(second.port)
  await eventually(() => expect(isWritable(redis)).toBe(true), PATIENT)
}, 60_000)

test('a look at a replica stays there', async () => {
  const [first, second] = await Promise.all([start(), start()])
  await first.admin('REPLICAOF', '127.0.0.1', second.port)
  const redis = await connect(first.url, { acceptsReplica: true })
  const id = await redis.sendCommand(['CLIENT', 'ID'])
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  expect(await redis.sendCommand(['CLIENT', 'ID'])).toBe(id)
}, 60_000)
