import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findOsUser } from '../os-user.ts'
import { LOOPBACK } from '../ports.ts'
import { ensureCluster, findPostgresBinaries, giveTo, POSTGRES_USER } from '../postgres-cluster.ts'
import { DATABASE, prepareDatabase } from '../postgres.ts'
import { stopAll } from './node.ts'
import { copyPrimary } from './postgres-copy.ts'
import { dataOf, freeSharedMemory, startPostgresNode, type PostgresNode } from './postgres-node.ts'
import { until } from './until.ts'

/** How to start a {@link PostgresTrio}. */
export interface PostgresTrioOptions {
  /** Whether it syncs to disk, as measurements of speed need. Without, it survives every kill, but no power cut. @default false */
  readonly isDurable?: boolean
  /** More settings of each server; they win. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A primary with two standbys of which one has every commit before it is answered: `ANY 1`. */
export interface PostgresTrio {
  readonly nodes: readonly PostgresNode[]
  /** All hosts, with `target_session_attrs=primary`. */
  readonly url: string
  urlOf(node: PostgresNode): string
  /** The primary that runs; after a split, the one that was promoted last. */
  primary(): Promise<PostgresNode>
  /** The standbys that run. */
  standbys(): Promise<PostgresNode[]>
  /**
   * Promotes a standby, and makes the other one follow it. Both leave the old primary first: from then on it commits
   * nothing. Returns the new primary.
   *
   * @param node the standby with the most WAL, unless given; one with less is refused, because it lacks commits
   */
  promote(node?: PostgresNode): Promise<PostgresNode>
  /** Makes a node, for example an old primary, a standby of the present primary, by a fresh copy. */
  rejoin(node: PostgresNode): Promise<void>
  /** Ends everything at once. Its folder stays. */
  stop(): Promise<void>
}

const NAMES = ['postgres-1', 'postgres-2', 'postgres-3'] as const
/** The settings that the trio changes. What `ALTER SYSTEM` sets wins. */
const CONFIG_FILE = 'topology.conf'

/** Starts a trio in a fresh folder below `folder` and waits until both standbys stream. */
export async function startPostgresTrio(
  folder: string,
  options: PostgresTrioOptions = {},
): Promise<PostgresTrio> {
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, 'postgres-'))
  const setup = await prepare(home, options)
  const nodes: PostgresNode[] = []
  try {
    configure(setup, NAMES[0], join(home, NAMES[0]), undefined, true)
    const primary = await startPostgresNode(setup, NAMES[0], join(home, NAMES[0]))
    nodes.push(primary)
    await prepareDatabase(primary.url.slice(0, primary.url.lastIndexOf('/')))
    for (const name of NAMES.slice(1)) {
      const own = join(home, name)
      await copyPrimary(primary, own, setup.osUser)
      configure(setup, name, own, primary.port)
      nodes.push(await startPostgresNode(setup, name, own))
    }
    configure(setup, primary.name, primary.folder)
    reload(primary)
    await until('both standbys stream', async () => (await standbyNames(primary)).length === 2)
    return createTrio(setup, nodes)
  } catch (error) {
    await stop(nodes)
    throw error
  }
}

/** Makes the cluster that all others are copies of. */
async function prepare(home: string, { isDurable = false, settings = {} }: PostgresTrioOptions) {
  const binaries = findPostgresBinaries()
  const osUser = findOsUser([binaries.postgres, join(home, NAMES[0])])
  const first = join(home, NAMES[0])
  mkdirSync(first)
  for (const path of [home, first]) giveTo(osUser, path)
  const { dataFolder, password } = await ensureCluster(first, binaries, osUser, !isDurable)
  appendFileSync(join(dataFolder, 'postgresql.conf'), `include_if_exists = '${CONFIG_FILE}'\n`)
  // Servers log whom they follow, so the password is in a file.
  const passwordFile = join(home, 'pgpass')
  writeFileSync(passwordFile, `*:*:*:${POSTGRES_USER}:${password}\n`, { mode: 0o600 })
  giveTo(osUser, passwordFile)
  const all = {
    listen_addresses: LOOPBACK,
    unix_socket_directories: '',
    max_connections: '200',
    // In the folder, where a killed server leaves nothing behind.
    dynamic_shared_memory_type: 'mmap',
    wal_keep_size: '512MB',
    wal_retrieve_retry_interval: '200ms',
    fsync: isDurable ? 'on' : 'off',
    ...settings,
  }
  return { binaries, osUser, password, passwordFile, settings: all }
}

/** Writes a server's settings: whom it follows as a standby, and whom it waits for as a primary. */
function configure(setup: Setup, name: string, folder: string, source?: number, isAlone = false) {
  const others = NAMES.filter((other) => other !== name).map((other) => `"${other}"`)
  const to = `host=${LOOPBACK} port=${source} user=${POSTGRES_USER} passfile=${setup.passwordFile}`
  const settings = {
    synchronous_standby_names: isAlone ? '' : `ANY 1 (${others.join(', ')})`,
    primary_conninfo: source === undefined ? '' : `${to} connect_timeout=2 application_name=${name}`,
    ...setup.settings,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'\n`)
  const file = join(dataOf(folder), CONFIG_FILE)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  giveTo(setup.osUser, file)
}

/** Makes a server read its configuration; a frozen one does when it is thawed, a dead one when it starts. */
function reload(node: PostgresNode) {
  const pid = node.pid()
  if (pid !== undefined) process.kill(pid, 'SIGHUP')
}

type Setup = Awaited<ReturnType<typeof prepare>>

function createTrio(setup: Setup, nodes: readonly PostgresNode[]): PostgresTrio {
  const hosts = nodes.map(({ port }) => `${LOOPBACK}:${port}`).join(',')
  const follow = (node: PostgresNode, source?: PostgresNode) => {
    configure(setup, node.name, node.folder, source?.port)
    reload(node)
  }
  async function primary() {
    const timelines = await Promise.all(nodes.map(timelineOf))
    const newest = Math.max(...timelines)
    const node = nodes[timelines.indexOf(newest)]
    if (node === undefined || newest === 0) throw new Error('No primary runs')
    return node
  }
  async function standbys() {
    const areStandbys = await Promise.all(nodes.map(isStandby))
    return nodes.filter((_node, index) => areStandbys[index])
  }
  return {
    nodes,
    url: `postgres://${POSTGRES_USER}:${setup.password}@${hosts}/${DATABASE}?target_session_attrs=primary`,
    urlOf: ({ url }) => url,
    primary,
    standbys,
    async promote(wanted) {
      const all = await standbys()
      for (const node of all) follow(node)
      await until('the standbys have left the old primary', async () => {
        const receivers = await Promise.all(
          all.map((node) => node.query('select 1 from pg_stat_wal_receiver')),
        )
        return receivers.every((rows) => rows.length === 0)
      })
      const received = await Promise.all(all.map(receivedBy))
      const most = received.reduce((a, b) => (a > b ? a : b), 0n)
      const best = all[received.indexOf(most)]
      const next = wanted ?? best
      if (next === undefined || best === undefined || !all.includes(next))
        throw new Error('No such standby runs')
      if (next !== best) {
        follow(next, best)
        await until('it has the WAL of the other standby', async () => (await receivedBy(next)) >= most)
      }
      await next.query('select pg_promote()')
      for (const node of all) if (node !== next) follow(node, next)
      await until(
        'the other standby follows',
        async () => (await standbyNames(next)).length >= all.length - 1,
      )
      return next
    },
    async rejoin(node) {
      const source = await primary()
      if (source === node) throw new Error(`${node.name} is the primary`)
      await stop([node])
      await copyPrimary(source, node.folder, setup.osUser)
      configure(setup, node.name, node.folder, source.port)
      await node.start()
      await until('it streams', async () => (await standbyNames(source)).includes(node.name))
    },
    stop: () => stop(nodes),
  }
}

/** The timeline on which a primary writes, which grows with each promotion; 0 of any other node. */
async function timelineOf(node: PostgresNode) {
  if (!node.isUp() || (await isStandby(node))) return 0
  const statement = 'select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline'
  const [row] = await node.query<{ timeline: string }>(statement).catch(() => [])
  return Number.parseInt(row?.timeline ?? '0', 16)
}

async function isStandby(node: PostgresNode) {
  if (!node.isUp()) return false
  const rows = await node.query<{ is: boolean }>('select pg_is_in_recovery() as is').catch(() => [])
  return rows[0]?.is === true
}

/** How much WAL a standby has, in bytes since ever. */
async function receivedBy(node: PostgresNode) {
  const [row] = await node.query<{ bytes: string }>(
    "select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' as bytes",
  )
  return BigInt(row?.bytes ?? 0)
}

/** The standbys whose word a primary takes. */
async function standbyNames(primary: PostgresNode) {
  const rows = await primary.query<{ name: string }>(
    "select application_name as name from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'",
  )
  return rows.map(({ name }) => name)
}

async function stop(nodes: readonly PostgresNode[]) {
  await stopAll(nodes)
  await Promise.all(nodes.map(({ folder }) => freeSharedMemory(folder)))
}
