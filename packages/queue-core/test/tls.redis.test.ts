import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '@titan/servers'
import { startRedisCluster, startSentinelTrio } from '@titan/servers/topologies'
import { TEST_CERTIFICATE, TEST_KEY } from '@titan/testkit'
import { Cluster } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { RedisClient } from '../src/index.ts'
import { startPrivateServer } from './support/private-server.ts'
import { startRig } from './support/rig.ts'

// Private certificates, and nodes that are announced by a name that only the map of the client leads from.

const folder = mkdtempSync(join(tmpdir(), 'titan-tls-'))
const certFile = join(folder, 'cert.pem')
const keyFile = join(folder, 'key.pem')
writeFileSync(certFile, TEST_CERTIFICATE)
writeFileSync(keyFile, TEST_KEY, { mode: 0o600 })
const tls = { certFile, keyFile, caFile: certFile }
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `pnpm test:clients` and `pnpm test:servers` start the larger topologies too. */
const meetsAll = process.env['TITAN_FAULTS'] === 'all'
const socket = { tls: true as const, ca: TEST_CERTIFICATE }
const UNTRUSTED = /self-signed certificate/

async function expectToWork(client: RedisClient): Promise<void> {
  const rig = await startRig(client)
  onTestFinished(rig.stop)
  await rig.enqueue(20)
  await rig.works()
  await rig.allDone()
  expect(rig.errors()).toEqual([])
}

test('a single server with TLS serves, unless its certificate is not trusted', async () => {
  const port = await findFreePort()
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile]
  const server = await startPrivateServer({
    args: ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'],
  })
  onTestFinished(server.remove)
  const url = `rediss://127.0.0.1:${port}`
  const client = createClient({ url, socket })
  client.on('error', () => undefined)
  onTestFinished(() => client.destroy())
  await client.connect()
  await expectToWork(client)
  const untrusting = createClient({ url, socket: { tls: true, reconnectStrategy: false } })
  untrusting.on('error', () => undefined)
  await expect(untrusting.connect()).rejects.toThrow(UNTRUSTED)
})

test.runIf(meetsAll)(
  'a Sentinel trio with TLS serves, by the addresses of nodeAddressMap',
  async () => {
    const trio = await startSentinelTrio(folder, { tls, isPersistent: false })
    onTestFinished(trio.stop)
    const sentinelRootNodes = trio.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    const asked = new Set<string>()
    const client = createSentinel({
      name: trio.masterName,
      sentinelRootNodes,
      nodeClientOptions: { socket },
      sentinelClientOptions: { socket },
      nodeAddressMap(address) {
        asked.add(address)
        return { host: 'localhost', port: Number(address.split(':')[1]) }
      },
    })
    client.on('error', () => undefined)
    await client.connect()
    onTestFinished(() => client.destroy())
    await expectToWork(client)
    expect(asked).toContain(`127.0.0.1:${(await trio.primary()).port}`)
    const untrusting = createSentinel({
      name: trio.masterName,
      sentinelRootNodes,
      maxCommandRediscovers: 0,
      sentinelClientOptions: { socket: { tls: true } },
    })
    const errors: unknown[] = []
    untrusting.on('error', (error) => errors.push(error))
    await expect(untrusting.connect()).rejects.toThrow()
    expect(errors.map(String)).toContainEqual(expect.stringMatching(UNTRUSTED))
  },
  60_000,
)

test.runIf(meetsAll)(
  'a cluster with TLS serves, whose nodes are announced by a name that leads nowhere',
  async () => {
    const cluster = await startRedisCluster(folder, {
      tls,
      isPersistent: false,
      announcedHost: 'node.invalid',
    })
    onTestFinished(cluster.stop)
    const rootNodes = cluster.nodes.map(({ port }) => ({ socket: { host: '127.0.0.1', port } }))
    const toHere = (address: string) => ({ host: '127.0.0.1', port: Number(address.split(':').at(-1)) })
    const client = createCluster({ rootNodes, defaults: { socket }, nodeAddressMap: toHere })
    client.on('error', () => undefined)
    await client.connect()
    onTestFinished(() => client.destroy())
    await expectToWork(client)
    const other = new Cluster(
      cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { tls: { ca: TEST_CERTIFICATE } }, natMap: toHere },
    )
    other.on('error', () => undefined)
    onTestFinished(() => other.disconnect())
    await other.ping()
    await expectToWork(other)
    const untrusting = createCluster({
      rootNodes,
      defaults: { socket: { tls: true, reconnectStrategy: false } },
    })
    const errors: unknown[] = []
    untrusting.on('error', (error) => errors.push(error))
    await expect(untrusting.connect()).rejects.toThrow()
    expect(errors.map(String)).toContainEqual(expect.stringMatching(UNTRUSTED))
  },
  60_000,
)
