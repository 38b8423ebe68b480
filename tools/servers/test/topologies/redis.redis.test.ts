import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, TEST_CERTIFICATE, TEST_KEY } from '@titan/testkit'
import { createClient, createCluster, createSentinel } from 'redis'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  startRedisCluster,
  startSentinelTrio,
  type RedisTopologyOptions,
  type TopologyNode,
} from '../../src/topologies/index.ts'
import { createFolder } from '../support/folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const USER = { username: 'titan', password: 'p@ss/word' }
const WATCHER = { username: 'watcher', password: 'see:all' }
const tls = { tls: true, ca: TEST_CERTIFICATE } as const

/** TLS, a user with few rights and a host name, as at a hoster. */
function hosted(folder: string): RedisTopologyOptions {
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  writeFileSync(files.certFile, TEST_CERTIFICATE)
  writeFileSync(files.keyFile, TEST_KEY)
  return {
    login: { ...USER, rules: ['~titan:*', '&*', '+@all', '-config'] },
    tls: { ...files, caFile: files.certFile },
    announcedHost: 'localhost',
    isPersistent: false,
  }
}

async function expectGone(nodes: readonly TopologyNode[]): Promise<void> {
  for (const { port, name } of nodes) {
    const client = createClient({ socket: { host: '127.0.0.1', port, tls: false, reconnectStrategy: false } })
    client.on('error', () => {})
    await expect(client.connect(), name).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  }
}

test('a Sentinel trio replaces a killed primary, and ends without leftovers', async () => {
  const folder = createFolder()
  const trio = await startSentinelTrio(folder, { ...hosted(folder), sentinelLogin: WATCHER })
  onTestFinished(() => trio.stop())
  const { protocol, username, password, pathname } = new URL(trio.url.replace(/,.*\//u, '/'))
  expect([protocol, username, decodeURIComponent(password), pathname]).toEqual([
    'rediss+sentinel:',
    USER.username,
    USER.password,
    `/${trio.masterName}`,
  ])
  const client = createSentinel({
    name: trio.masterName,
    sentinelRootNodes: trio.sentinels.map(({ port }) => ({ host: 'localhost', port })),
    nodeClientOptions: { ...USER, socket: tls },
    sentinelClientOptions: { ...WATCHER, socket: tls },
    scanInterval: 500,
  })
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await client.connect()
  await client.set('titan:key', 'before')
  await expect(client.set('other', '')).rejects.toThrow(/NOPERM/u)

  const old = await trio.primary()
  await old.kill()
  expect(old.isUp()).toBe(false)
  await eventually(async () => expect(await trio.primary()).not.toBe(old), { timeoutMs: 30_000 })
  await eventually(() => client.set('titan:key', 'after'), { timeoutMs: 30_000 })
  expect(await (await trio.primary()).send('GET', 'titan:key')).toBe('after')

  const [frozen] = trio.sentinels
  frozen?.freeze()
  await trio.stop()
  await expectGone([...trio.nodes, ...trio.sentinels])
})

test('a cluster hands over, moves a slot with its keys, and ends without leftovers', async () => {
  const folder = createFolder()
  const cluster = await startRedisCluster(folder, hosted(folder))
  onTestFinished(() => cluster.stop())
  expect(cluster.url).toMatch(/^rediss\+cluster:\/\/titan:p%40ss%2Fword@localhost:\d+(,localhost:\d+){5}$/u)
  const client = createCluster({
    rootNodes: cluster.nodes.map(({ port }) => ({ socket: { host: 'localhost', port, ...tls } })),
    defaults: { ...USER, socket: tls },
  })
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await client.connect()
  const keys = Array.from({ length: 150 }, (_none, index) => `titan:{slot}:${index}`)
  for (const key of keys) await client.set(key, key)

  const old = await cluster.masterOf('{slot}')
  const next = await cluster.failover(old)
  expect(await cluster.masterOf('{slot}')).toBe(next)
  const target = (await cluster.masters()).find((node) => node !== next) ?? next
  await cluster.moveSlot('{slot}', target)

  expect(await cluster.masterOf('{slot}')).toBe(target)
  expect(
    await target.send(
      'CLUSTER',
      'COUNTKEYSINSLOT',
      await target.send<number>('CLUSTER', 'KEYSLOT', '{slot}'),
    ),
  ).toBe(150)
  for (const key of keys) expect(await client.get(key)).toBe(key)
  await cluster.stop()
  await expectGone(cluster.nodes)
})
