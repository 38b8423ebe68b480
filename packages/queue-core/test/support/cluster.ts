import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onFreePort, startRedis, type RedisServer } from '@titan/servers'
import { eventually } from '@titan/testkit'
import { createClient } from 'redis'
import { expect } from 'vitest'
import { connectTestCluster, type ClusterClient, type ClusterOptions } from './cluster-clients.ts'

/** A node of a {@link TestCluster}. */
export interface ClusterNode {
  readonly server: RedisServer
  readonly id: string
  send<Reply = unknown>(...args: (string | number)[]): Promise<Reply>
}

/** Three masters with a replica each, processes of this machine. */
export interface TestCluster {
  readonly nodes: readonly ClusterNode[]
  /** The nodes that serve slots now, by what a living node says. */
  masters(): Promise<ClusterNode[]>
  /** The master that serves the key's slot. */
  masterOf(key: string): Promise<ClusterNode>
  /** A replica of the master, once it has one. */
  replicaOf(master: ClusterNode): Promise<ClusterNode>
  /** The addresses of all nodes. */
  readonly urls: readonly string[]
  /** A connected client, as programs make it. */
  connect(options?: ClusterOptions): Promise<ClusterClient>
  stop(): Promise<void>
}

const SLOTS = 16_384
const MASTERS = 3

/** Starts a cluster that notices a dead master after about a second. */
export async function startTestCluster(): Promise<TestCluster> {
  const folders: string[] = []
  const nodes = await Promise.all(
    Array.from({ length: MASTERS * 2 }, async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'titan-cluster-'))
      folders.push(dataDir)
      return startNode(dataDir)
    }),
  )
  const masters = nodes.slice(0, MASTERS)
  const [first] = masters
  if (first === undefined) throw new Error('The cluster has no node')

  for (const [index, node] of masters.entries()) {
    await node.send('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    const from = Math.floor((SLOTS * index) / MASTERS)
    const to = Math.floor((SLOTS * (index + 1)) / MASTERS) - 1
    await node.send('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  for (const node of nodes.slice(1))
    await node.send('CLUSTER', 'MEET', '127.0.0.1', first.server.port, first.busPort)
  await eventually(async () => {
    for (const node of nodes)
      expect(await node.send<string>('CLUSTER', 'INFO')).toContain(`cluster_known_nodes:${nodes.length}`)
  })
  for (const [index, replica] of nodes.slice(MASTERS).entries())
    await eventually(() => replica.send('CLUSTER', 'REPLICATE', nodes[index]?.id ?? ''))
  await eventually(
    async () => {
      for (const node of nodes)
        expect(await node.send<string>('CLUSTER', 'INFO')).toContain('cluster_state:ok')
      for (const replica of nodes.slice(MASTERS))
        expect(await replica.send<string>('INFO', 'replication')).toContain('master_link_status:up')
    },
    { timeoutMs: 30_000 },
  )

  /** The lines of CLUSTER NODES as the first node that answers sees them. */
  async function view(): Promise<string[][]> {
    for (const node of nodes) {
      try {
        return (await node.send<string>('CLUSTER', 'NODES'))
          .trim()
          .split('\n')
          .map((line) => line.split(' '))
      } catch {
        // It is down: another one knows.
      }
    }
    throw new Error('No node of the cluster answers')
  }

  async function mastersNow(): Promise<ClusterNode[]> {
    const lines = await view()
    const serving = lines.filter(
      (line) => line[2]?.includes('master') === true && line[8] !== undefined && !line[2].includes('fail'),
    )
    return nodes.filter((node) => serving.some(([id]) => id === node.id))
  }

  const urls = nodes.map(({ server }) => server.url)
  return {
    nodes,
    masters: mastersNow,
    async masterOf(key) {
      for (const node of await mastersNow()) {
        const slot = await node.send<number>('CLUSTER', 'KEYSLOT', key)
        const ranges = (await view()).find(([id]) => id === node.id)?.slice(8) ?? []
        if (ranges.some((range) => covers(range, slot))) return node
      }
      throw new Error(`No master serves ${key}`)
    },
    replicaOf: (master) =>
      // A master that handed over becomes the replica of its successor some time after that.
      eventually(
        async () => {
          const line = (await view()).find(
            (fields) => fields[3] === master.id && fields[2]?.includes('fail') === false,
          )
          const node = nodes.find(({ id }) => id === line?.[0])
          if (node === undefined) throw new Error('The master has no replica')
          return node
        },
        { timeoutMs: 20_000 },
      ),
    urls,
    connect: (options) => connectTestCluster(urls, options),
    async stop() {
      await Promise.all(nodes.map(({ server }) => server.kill()))
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startNode(dataDir: string): Promise<ClusterNode & { readonly busPort: number }> {
  // The bus has its own free port, because the usual one, 10000 above, may not exist; another program may take it first.
  const { server, busPort } = await onFreePort(async (busPort) => {
    const args = [
      ['--cluster-enabled', 'yes'],
      ['--cluster-port', String(busPort)],
      ['--cluster-node-timeout', '1000'],
      ['--appendonly', 'no'],
      ['--repl-diskless-sync-delay', '0'],
      ['--cluster-replica-validity-factor', '0'],
    ]
    return { server: await startRedis({ dataDir, args: args.flat() }), busPort }
  })
  async function send<Reply>(...args: (string | number)[]): Promise<Reply> {
    const client = createClient({ url: server.url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await client.sendCommand<Reply>(args.map(String))
    } finally {
      client.destroy()
    }
  }
  return { server, busPort, id: await send<string>('CLUSTER', 'MYID'), send }
}

function covers(range: string, slot: number): boolean {
  const [from = 0, to = from] = range.split('-').map(Number)
  return slot >= from && slot <= to
}
