import { join } from 'node:path'
import { LOOPBACK } from '../ports.ts'
import { nodeAt, stopAll } from './node.ts'
import { createRedisAccess, type RedisLogin } from './redis-access.ts'
import { isInStep, startRedisNode, type RedisNode, type RedisNodeOptions } from './redis-node.ts'
import { prepareRedis, type RedisSetup, type RedisTopologyOptions } from './redis-options.ts'
import { until } from './until.ts'

/** How to start a {@link SentinelTrio}. */
export interface SentinelTrioOptions extends RedisTopologyOptions {
  /** What clients log in with at the Sentinels, which is not in the trio's URL. @default no login */
  readonly sentinelLogin?: RedisLogin
}

/** A primary with two replicas, watched by three Sentinels. */
export interface SentinelTrio {
  /** The three Redis servers. */
  readonly nodes: readonly RedisNode[]
  readonly sentinels: readonly RedisNode[]
  /** `redis+sentinel://` with all three Sentinels and {@link masterName}. */
  readonly url: string
  readonly masterName: string
  /** The primary as a living Sentinel names it: for some seconds the old one, after that one has ended. */
  primary(): Promise<RedisNode>
  /** Hands over by `SENTINEL FAILOVER`, and waits until another one serves and all others follow it. */
  failover(): Promise<void>
  /** Ends everything at once. Its folder stays. */
  stop(): Promise<void>
}

const MASTER = 'mymaster'
const QUORUM = 2

/** Starts a trio in a fresh folder below `folder` and waits until its Sentinels would fail over. */
export async function startSentinelTrio(
  folder: string,
  options: SentinelTrioOptions = {},
): Promise<SentinelTrio> {
  const setup = await prepareRedis(folder, 'sentinel', options)
  const started: RedisNode[] = []
  const start: StartNode = async (name, part) => {
    const { program } = setup
    const node = await startRedisNode({ name, folder: join(setup.home, name), program, ...part })
    started.push(node)
    return node
  }
  try {
    const nodes = await startServers(start, setup)
    const sentinels = await startSentinels(start, setup, nodes[0], options)
    const trio = createTrio(nodes, sentinels, setup)
    await until('the Sentinels know each other and all replicas', () => areReady(sentinels))
    return trio
  } catch (error) {
    await stopAll(started)
    throw error
  }
}

type StartNode = (
  name: string,
  part: Pick<RedisNodeOptions, 'access' | 'config' | 'isSentinel'>,
) => Promise<RedisNode>

async function startServers(start: StartNode, { access, common, host, more }: RedisSetup) {
  const config = [...common, `replica-announce-ip ${host}`, ...more]
  if (access.password !== undefined) config.unshift(`masterauth ${access.password}`)
  const first = await start('redis-1', { access, config })
  const follow = [...config, `replicaof ${host} ${first.port}`]
  const replicas = await Promise.all(
    ['redis-2', 'redis-3'].map((name) => start(name, { access, config: follow })),
  )
  await until('the replicas are in step', async () => {
    const states = await Promise.all(replicas.map((replica) => isInStep(replica, first)))
    return states.every(Boolean)
  })
  return [first, ...replicas] as const
}

async function startSentinels(
  start: StartNode,
  { access, host, downAfterMs }: RedisSetup,
  { port }: RedisNode,
  { sentinelLogin, tls }: SentinelTrioOptions,
) {
  const own = createRedisAccess(sentinelLogin, tls)
  const config = [
    // Before the first name.
    'sentinel resolve-hostnames yes',
    `sentinel announce-hostnames ${host === LOOPBACK ? 'no' : 'yes'}`,
    `sentinel announce-ip ${host}`,
    ...(own.password === undefined ? [] : [`sentinel sentinel-pass ${own.password}`]),
    `sentinel monitor ${MASTER} ${host} ${port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER} ${downAfterMs}`,
    // An attempt to fail over may take this long; the next one follows after twice this time.
    `sentinel failover-timeout ${MASTER} 5000`,
    `sentinel parallel-syncs ${MASTER} 2`,
    ...(access.password === undefined ? [] : [`sentinel auth-pass ${MASTER} ${access.password}`]),
  ]
  const names = ['sentinel-1', 'sentinel-2', 'sentinel-3']
  return await Promise.all(names.map((name) => start(name, { access: own, config, isSentinel: true })))
}

function createTrio(
  nodes: readonly RedisNode[],
  sentinels: readonly RedisNode[],
  { access, host }: RedisSetup,
): SentinelTrio {
  async function primary() {
    for (const sentinel of sentinels.filter((node) => node.isUp())) {
      const address = await sentinel.send<string[]>('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)
      const node = nodeAt(nodes, Number(address[1]))
      if (node !== undefined) return node
    }
    throw new Error('No Sentinel runs')
  }
  const hosts = sentinels.map(({ port }) => `${host}:${port}`).join(',')
  return {
    nodes,
    sentinels,
    masterName: MASTER,
    url: `${access.scheme}+sentinel://${access.userInfo}${hosts}/${MASTER}`,
    primary,
    async failover() {
      const old = await primary()
      const [sentinel] = sentinels.filter((node) => node.isUp())
      // Refused while another one goes on, or until the Sentinel has heard of its replicas.
      await until('the Sentinel begins', async () => await sentinel?.send('SENTINEL', 'FAILOVER', MASTER))
      await until('another one serves', async () => (await primary()) !== old)
      const next = await primary()
      await until('all others follow it', async () => {
        const others = nodes.filter((node) => node !== next && node.isUp())
        const states = await Promise.all(others.map((node) => isInStep(node, next)))
        return states.every(Boolean)
      })
    },
    stop: () => stopAll([...sentinels, ...nodes]),
  }
}

/** Whether every Sentinel knows the other two, and both replicas with their state. */
async function areReady(sentinels: readonly RedisNode[]) {
  const states = await Promise.all(
    sentinels.map(async (sentinel) => {
      const master = pairs(await sentinel.send<string[]>('SENTINEL', 'MASTER', MASTER))
      const replicas = await sentinel.send<string[][]>('SENTINEL', 'REPLICAS', MASTER)
      const inStep = replicas.filter((replica) => pairs(replica).get('master-link-status') === 'ok')
      return master.get('num-other-sentinels') === '2' && inStep.length === 2
    }),
  )
  return states.every(Boolean)
}

function pairs(flat: readonly string[]) {
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]] as const] : [])))
}
