import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findOsUser, type OsUser } from '../os-user.ts'
import { findFreePort, LOOPBACK, onFreePort } from '../ports.ts'
import { giveTo, POSTGRES_USER } from '../postgres-cluster.ts'
import { DATABASE, prepareDatabase } from '../postgres.ts'
import { startHaproxy, type Haproxy } from './haproxy.ts'
import { createNode, stopAll, type Running, type TopologyNode } from './node.ts'
import { dataOf, freeSharedMemory, query, type PostgresNode } from './postgres-node.ts'
import { killTrees } from './processes.ts'
import { launchProgram } from './program-node.ts'
import { findInstalled, findProgram, type Program } from './programs.ts'
import { until } from './until.ts'

/** Three PostgreSQL servers that Patroni keeps one primary of, behind HAProxy, as a user has them. */
export interface Patroni {
  /** Each is a machine with Patroni and its PostgreSQL. */
  readonly nodes: readonly PatroniNode[]
  readonly etcd: TopologyNode
  readonly haproxy: Haproxy
  /** Leads through HAProxy to the primary. */
  readonly url: string
  urlOf(node: PostgresNode): string
  /** The node that Patroni names the primary. */
  primary(): Promise<PatroniNode>
  /** The standbys that run and stream. */
  standbys(): Promise<PatroniNode[]>
  /** Hands over in good order to a synchronous standby, which it returns when it serves. */
  switchover(): Promise<PatroniNode>
  /** Ends everything at once. Its folder stays. */
  stop(): Promise<void>
}

/** A node of {@link Patroni}. */
export interface PatroniNode extends PostgresNode {
  /** Of Patroni's HTTP interface. */
  readonly restPort: number
}

/** How to start {@link Patroni}. */
export interface PatroniOptions {
  /**
   * Seconds after which a leader that is not heard loses its place. Patroni asks for 20 at least, because a slow etcd
   * takes the place from a leader that lives; Patroni 3.0 accepts less, newer ones raise it to 20.
   *
   * @default 5
   */
  readonly ttl?: number
}

const START_TIMEOUT_MS = 90_000
const NAMES = ['postgres-1', 'postgres-2', 'postgres-3'] as const
const REPLICATION_USER = 'replicator'

/**
 * Starts etcd, Patroni and HAProxy in a fresh folder below `folder`, installed or of Debian's packages, and waits until
 * HAProxy leads to a primary with two standbys.
 *
 * @throws LocalError `PROGRAM_UNAVAILABLE` where these programs cannot be had
 */
export async function startPatroni(folder: string, options: PatroniOptions = {}): Promise<Patroni> {
  const programs = await findPatroni()
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, 'patroni-'))
  const osUser = findOsUser([join(programs.bin, 'postgres'), join(home, NAMES[0])])
  giveTo(osUser, home)
  const started: TopologyNode[] = []
  const nodes: PatroniNode[] = []
  try {
    const etcd = await startEtcd(home, programs.etcd)
    started.push(etcd)
    const setup = { ...programs, ...options, home, osUser, etcdPort: etcd.port, password: secret() }
    const start = async (name: string) => {
      const node = await startMember(setup, name)
      started.push(node)
      nodes.push(node)
    }
    // The first one makes the cluster that the others copy.
    await start(NAMES[0])
    await Promise.all(NAMES.slice(1).map(start))
    const backends = nodes.map(({ port, restPort }) => ({ port, checkPort: restPort }))
    const haproxy = await startHaproxy(home, { backends, check: '/primary', mode: 'tcp' })
    started.push(haproxy)
    await prepareDatabase(loginAt(setup, haproxy.port))
    const url = `${loginAt(setup, haproxy.port)}/${DATABASE}`
    const patroni = createPatroni(nodes, etcd, haproxy, url)
    await until('both standbys stream', async () => (await patroni.standbys()).length === 2)
    return patroni
  } catch (error) {
    await stop(started, nodes)
    throw error
  }
}

type Setup = Awaited<ReturnType<typeof findPatroni>> &
  PatroniOptions & {
    readonly home: string
    readonly osUser: OsUser
    readonly etcdPort: number
    readonly password: string
  }

async function startEtcd(home: string, program: Program) {
  const folder = join(home, 'etcd')
  mkdirSync(folder, { mode: 0o700 })
  async function launch(port: number, peerPort: number) {
    const [client, peer] = [`http://${LOOPBACK}:${port}`, `http://${LOOPBACK}:${peerPort}`]
    const args = [
      ['--name', 'etcd', '--data-dir', join(folder, 'data')],
      ['--listen-client-urls', client, '--advertise-client-urls', client],
      ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ['--initial-cluster', `etcd=${peer}`],
    ]
    const isReady = async () => (await fetch(`${client}/health`)).ok
    return await launchProgram({ name: 'etcd', program, args: args.flat(), folder, isReady })
  }
  const { port, peerPort, first } = await onFreePort(async (port) => {
    const peerPort = await findFreePort()
    return { port, peerPort, first: await launch(port, peerPort) }
  })
  return createNode('etcd', port, first, () => launch(port, peerPort))
}

async function startMember(setup: Setup, name: string): Promise<PatroniNode> {
  const { home, osUser, python, modules, password } = setup
  const folder = join(home, name)
  mkdirSync(folder, { mode: 0o700 })
  giveTo(osUser, folder)
  const file = join(folder, 'patroni.json')

  async function launch(port: number, restPort: number): Promise<Running> {
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(configuration(setup, name, port, restPort)), { mode: 0o600 })
    giveTo(osUser, file)
    const running = await launchProgram({
      name,
      program: { command: python.command, env: { ...python.env, PYTHONPATH: modules } },
      args: ['-m', 'patroni', file],
      folder,
      osUser,
      isReady: () => passes(restPort, '/health'),
      timeoutMs: START_TIMEOUT_MS,
    })
    // Patroni makes its PostgreSQL a child of the system's first process.
    return { ...running, others: () => postmasterOf(folder) }
  }
  const { port, restPort, first } = await onFreePort(async (port) => {
    const restPort = await findFreePort()
    return { port, restPort, first: await launch(port, restPort) }
  })
  const url = `${loginAt({ password }, port)}/${DATABASE}`
  return {
    ...createNode(name, port, first, () => launch(port, restPort)),
    restPort,
    url,
    folder,
    query: (statement) => query(url, statement),
  }
}

function configuration(setup: Setup, name: string, port: number, restPort: number) {
  const { home, bin, etcdPort, password, ttl = 5 } = setup
  const address = (at: number) => ({ listen: `${LOOPBACK}:${at}`, connect_address: `${LOOPBACK}:${at}` })
  const host = `${LOOPBACK}/32 scram-sha-256`
  return {
    scope: 'titan',
    name,
    restapi: address(restPort),
    etcd3: { host: `${LOOPBACK}:${etcdPort}` },
    bootstrap: {
      dcs: {
        ttl,
        loop_wait: 1,
        // loop_wait + 2 × retry_timeout is within ttl.
        retry_timeout: Math.floor((ttl - 1) / 2),
        // A standby has every commit before it is answered, and none other is promoted.
        synchronous_mode: true,
        synchronous_mode_strict: true,
        postgresql: {
          use_pg_rewind: true,
          parameters: {
            max_connections: 200,
            fsync: 'off',
            // A new primary commits nothing until a standby follows it, which tries again after 5 s by default.
            wal_retrieve_retry_interval: '200ms',
          },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'no-sync', { auth: 'scram-sha-256' }],
    },
    postgresql: {
      ...address(port),
      bin_dir: bin,
      data_dir: dataOf(join(home, name)),
      pgpass: join(home, name, 'pgpass'),
      authentication: {
        superuser: { username: POSTGRES_USER, password },
        replication: { username: REPLICATION_USER, password },
      },
      parameters: { unix_socket_directories: join(home, name), dynamic_shared_memory_type: 'mmap' },
      pg_hba: [`host all all ${host}`, `host replication ${REPLICATION_USER} ${host}`],
    },
  }
}

function createPatroni(
  nodes: readonly PatroniNode[],
  etcd: TopologyNode,
  haproxy: Haproxy,
  url: string,
): Patroni {
  async function passing(path: string) {
    const up = nodes.filter((node) => node.isUp())
    const results = await Promise.all(up.map(({ restPort }) => passes(restPort, path).catch(() => false)))
    return up.filter((_node, index) => results[index])
  }
  async function primary() {
    const [node] = await passing('/primary')
    if (node === undefined) throw new Error('No primary runs')
    return node
  }
  return {
    nodes,
    etcd,
    haproxy,
    url,
    urlOf: (node) => node.url,
    primary,
    standbys: () => passing('/replica'),
    async switchover() {
      const old = await primary()
      await until('a synchronous standby is there', async () => (await passing('/sync')).length > 0)
      const body = JSON.stringify({ leader: old.name })
      const response = await fetch(`http://${LOOPBACK}:${old.restPort}/switchover`, { method: 'POST', body })
      if (!response.ok) throw new Error(`Patroni refused a switchover: ${await response.text()}`)
      return await until('another node is the primary', async () => {
        const now = await primary()
        return now !== old && now
      })
    },
    stop: () => stop([haproxy, ...nodes, etcd], nodes),
  }
}

/** Whether Patroni answers 200; it does not, or the connection fails, while its node has another role. */
async function passes(restPort: number, path: string) {
  return (await fetch(`http://${LOOPBACK}:${restPort}${path}`, { signal: AbortSignal.timeout(2_000) })).ok
}

/** The PostgreSQL of a node, when it runs. */
function postmasterOf(folder: string) {
  try {
    const pid = Number.parseInt(readFileSync(join(dataOf(folder), 'postmaster.pid'), 'utf8'), 10)
    // It works in its data folder, which tells it from a reused process id.
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataOf(folder)) ? [pid] : []
  } catch {
    return []
  }
}

function loginAt({ password }: Pick<Setup, 'password'>, port: number) {
  return `postgres://${POSTGRES_USER}:${password}@${LOOPBACK}:${port}`
}

async function stop(started: readonly TopologyNode[], nodes: readonly PatroniNode[]) {
  await stopAll(started)
  for (const { folder } of nodes) {
    // A Patroni that ended by itself left its PostgreSQL behind.
    await killTrees(postmasterOf(folder))
    await freeSharedMemory(folder)
  }
}

/** The programs, and the folders of Python's modules and of PostgreSQL's programs. */
async function findPatroni() {
  const [etcd, python] = [await findProgram('etcd', 'etcd-server'), await findProgram('python3')]
  const { root: patroniRoot } = await findInstalled('patroni', 'usr/lib/python3/dist-packages/patroni/')
  const { root, found, env } = await findInstalled('postgresql', 'usr/lib/postgresql/*/bin/')
  const modules = join(patroniRoot, 'usr/lib/python3/dist-packages')
  return { etcd, python: { ...python, env: { ...python.env, ...env } }, modules, bin: join(root, found) }
}

function secret() {
  return randomBytes(18).toString('base64url')
}
