import { join } from 'node:path'
import { LOOPBACK, onFreePort } from '../ports.ts'
import { stopAll } from './node.ts'
import { isInStep, startRedisNode, type RedisNode } from './redis-node.ts'
import { prepareRedis, type RedisSetup, type RedisTopologyOptions } from './redis-options.ts'
import { moveSlot } from './slot-migration.ts'
import { until } from './until.ts'

/** A node of a {@link RedisCluster}. */
export interface ClusterNode extends RedisNode {
  readonly id: string
}

/** Three masters with a replica each. */
export interface RedisCluster {
  /** The masters at first, then their replicas. */
  readonly nodes: readonly ClusterNode[]
  /** `redis+cluster://` with all nodes. */
  readonly url: string
  /** The nodes that serve slots now, by what a living node says. */
  masters(): Promise<ClusterNode[]>
  /** The master that serves the key's slot. */
  masterOf(key: string): Promise<ClusterNode>
  /** A replica of the master, once it has one. */
  replicaOf(master: ClusterNode): Promise<ClusterNode>
  /** Hands over in good order to a replica, which it returns, and waits until the old master follows it. */
  failover(master: ClusterNode): Promise<ClusterNode>
  /** Moves the slot of `key` with everything in it to the master `to`, while clients go on. */
  moveSlot(key: string, to: ClusterNode): Promise<void>
  /** Ends everything at once. Its folder stays. */
  stop(): Promise<void>
}

const SLOTS = 16_384
const MASTERS = 3
// A busy cluster gives up a handover after 5 s.
const HANDOVER_TIMEOUT_MS = 6_000

/** Starts a cluster in a fresh folder below `folder` and waits until it serves with all replicas in step. */
export async function startRedisCluster(
  folder: string,
  options: RedisTopologyOptions = {},
): Promise<RedisCluster> {
  const setup = await prepareRedis(folder, 'cluster', options)
  const started: RedisNode[] = []
  try {
    const names = Array.from({ length: MASTERS * 2 }, (_none, index) => `redis-${index + 1}`)
    const nodes = await Promise.all(
      names.map(async (name) => {
        const node = await startNode(name, setup, options)
        started.push(node)
        return node
      }),
    )
    await form(nodes)
    return createCluster(nodes, setup)
  } catch (error) {
    await stopAll(started)
    throw error
  }
}

async function startNode(name: string, setup: RedisSetup, { announcedHost, tls }: RedisTopologyOptions) {
  const { home, program, access, common, downAfterMs, more } = setup
  // The bus has its own free port, because the usual one, 10,000 above, may not exist.
  const { node, busPort } = await onFreePort(async (busPort) => {
    const config = [
      ...common,
      'cluster-enabled yes',
      `cluster-port ${busPort}`,
      `cluster-node-timeout ${downAfterMs}`,
      'cluster-replica-validity-factor 0',
      ...(tls === undefined ? [] : ['tls-cluster yes']),
      ...(access.password === undefined ? [] : [`masterauth ${access.password}`]),
      ...(announcedHost === undefined
        ? []
        : [`cluster-announce-hostname ${announcedHost}`, 'cluster-preferred-endpoint-type hostname']),
      ...more,
    ]
    return {
      node: await startRedisNode({ name, folder: join(home, name), program, access, config }),
      busPort,
    }
  })
  return { ...node, busPort, id: await node.send<string>('CLUSTER', 'MYID') }
}

async function form(nodes: readonly (ClusterNode & { readonly busPort: number })[]) {
  const masters = nodes.slice(0, MASTERS)
  const replicas = nodes.slice(MASTERS)
  for (const [index, master] of masters.entries()) {
    await master.send('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    const from = Math.floor((SLOTS * index) / MASTERS)
    const to = Math.floor((SLOTS * (index + 1)) / MASTERS) - 1
    await master.send('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  const [first, ...others] = nodes
  for (const node of others)
    await node.send('CLUSTER', 'MEET', LOOPBACK, first?.port ?? 0, first?.busPort ?? 0)
  await until('all nodes know each other', () => everyInfo(nodes, `cluster_known_nodes:${nodes.length}`))
  for (const [index, replica] of replicas.entries())
    await until('the master is known', () => replica.send('CLUSTER', 'REPLICATE', masters[index]?.id ?? ''))
  await until('all nodes serve', () => everyInfo(nodes, 'cluster_state:ok'))
  await until('the replicas are in step', async () => {
    const states = await Promise.all(
      replicas.map((replica, index) => isInStep(replica, masters[index] ?? replica)),
    )
    return states.every(Boolean)
  })
}

async function everyInfo(nodes: readonly ClusterNode[], line: string) {
  const infos = await Promise.all(nodes.map((node) => node.send<string>('CLUSTER', 'INFO')))
  return infos.every((info) => info.includes(`${line}\r`))
}

function createCluster(nodes: readonly ClusterNode[], { access, host }: RedisSetup): RedisCluster {
  /** The lines of CLUSTER NODES, as the first node that answers sees them. */
  async function view() {
    for (const node of nodes.filter((one) => one.isUp())) {
      const lines = await node.send<string>('CLUSTER', 'NODES').catch(() => undefined)
      if (lines !== undefined) return lines.trim().split('\n').map(parseLine)
    }
    throw new Error('No node of the cluster answers')
  }
  async function masters() {
    const serving = (await view()).filter(({ isMaster, hasFailed, slots }) => {
      return isMaster && !hasFailed && slots.length > 0
    })
    return nodes.filter((node) => serving.some(({ id }) => id === node.id))
  }
  async function masterOf(key: string) {
    const lines = await view()
    for (const node of await masters()) {
      const slot = await node.send<number>('CLUSTER', 'KEYSLOT', key)
      const slots = lines.find(({ id }) => id === node.id)?.slots ?? []
      if (slots.some(([from, to]) => slot >= from && slot <= to)) return node
    }
    throw new Error(`No master serves ${key}`)
  }
  async function replicaOf(master: ClusterNode) {
    // A master that handed over becomes the replica of its successor some time after that.
    return await until('the master has a replica', async () => {
      const line = (await view()).find(({ masterId, hasFailed }) => masterId === master.id && !hasFailed)
      return nodes.find(({ id }) => id === line?.id)
    })
  }
  const hosts = nodes.map(({ port }) => `${host}:${port}`).join(',')
  return {
    nodes,
    url: `${access.scheme}+cluster://${access.userInfo}${hosts}`,
    masters,
    masterOf,
    replicaOf,
    async failover(master) {
      const replica = await replicaOf(master)
      const serves = async () => (await masters()).includes(replica)
      await until('the replica serves', async () => {
        // Refused while another handover goes on.
        await replica.send('CLUSTER', 'FAILOVER').catch(() => {})
        return await until('the handover is done', serves, HANDOVER_TIMEOUT_MS)
      })
      await until('the old master follows', () => isInStep(master, replica))
      return replica
    },
    async moveSlot(key, to) {
      const from = await masterOf(key)
      if (from !== to)
        await moveSlot(access, await to.send('CLUSTER', 'KEYSLOT', key), from, to, await masters())
    },
    stop: () => stopAll(nodes),
  }
}

function parseLine(line: string) {
  const [id = '', , flags = '', masterId = '', , , , , ...ranges] = line.split(' ')
  const slots = ranges
    .filter((range) => !range.startsWith('['))
    .map((range) => {
      const [from = 0, to = from] = range.split('-').map(Number)
      return [from, to] as const
    })
  return { id, masterId, slots, isMaster: flags.includes('master'), hasFailed: flags.includes('fail') }
}
