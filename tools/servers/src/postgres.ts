import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { findOsUser, type OsUser } from './os-user.ts'
import { acquireLock } from './lockfile.ts'
import { describeError, LocalError } from './errors.ts'
import { findFreePort, LOOPBACK } from './ports.ts'
import {
  ensureCluster,
  findPostgresBinaries,
  giveTo,
  POSTGRES_USER,
  type Cluster,
} from './postgres-cluster.ts'
import { clearPostmaster } from './postmaster.ts'
import { spawnServer, type ServerProcess } from './server-process.ts'
import { createTemporaryFolder, removeTemporaryFolder } from './temporary-folder.ts'
import { poll } from './wait.ts'

/** How to start a private PostgreSQL. */
export interface PostgresOptions {
  /**
   * The folder with the data, the password and the log; created when missing, kept at the end.
   *
   * @default a temporary folder, removed at the end, with a server that trades durability for speed
   */
  readonly dataDir?: string
  /** @default a free port, tried anew when another program takes it first */
  readonly choosePort?: () => Promise<number>
}

/** A private PostgreSQL. */
export interface PostgresServer {
  /** Connection string of the database `titan`, with the password. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  /** Ends the server, and removes a temporary folder. Idempotent. */
  stop(): Promise<void>
}

const DATABASE = 'titan'
const START_TIMEOUT_MS = 60_000
const PORT_ATTEMPTS = 5

/**
 * Starts PostgreSQL on a free port of the loopback address and waits until it answers.
 *
 * @throws LocalError `POSTGRES_UNAVAILABLE` with the end of the server's log, `ALREADY_RUNNING` when a living
 * process uses `dataDir`
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const isTemporary = options.dataDir === undefined
  const dataDir = isTemporary ? createTemporaryFolder('postgres') : resolve(options.dataDir)
  const lock = await acquireLock(join(dataDir, 'owner.json'), `PostgreSQL in ${dataDir}`)
  const discard = (): void => {
    lock.release()
    if (isTemporary) removeTemporaryFolder(dataDir)
  }
  try {
    const binaries = findPostgresBinaries()
    const osUser = findOsUser([binaries.postgres, dataDir])
    mkdirSync(dataDir, { recursive: true })
    giveTo(osUser, dataDir)
    const cluster = await ensureCluster(dataDir, binaries, osUser, isTemporary)
    await clearPostmaster(cluster.dataFolder)
    const launch = { binary: binaries.postgres, osUser, cluster, dataDir, isTemporary }
    const { server, port, url } = await listen(launch, options.choosePort ?? findFreePort, (pid) =>
      lock.record(pid, 'SIGINT'),
    )
    return {
      url,
      port,
      pid: server.pid,
      dataDir,
      async stop() {
        await server.stop()
        discard()
      },
    }
  } catch (error) {
    discard()
    throw error
  }
}

interface Launch {
  readonly binary: string
  readonly osUser: OsUser
  readonly cluster: Cluster
  readonly dataDir: string
  readonly isTemporary: boolean
}

interface Listening {
  readonly server: ServerProcess
  readonly port: number
  readonly url: string
}

async function listen(
  launch: Launch,
  choosePort: () => Promise<number>,
  onSpawn: (pid: number) => void,
): Promise<Listening> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort()
    const server = await spawnServer({
      ...launch.osUser.wrap(launch.binary, serverArgs(launch, port)),
      logFile: join(launch.dataDir, 'server.log'),
      stopSignal: 'SIGINT',
      temporaryFolder: launch.isTemporary ? launch.dataDir : undefined,
    })
    onSpawn(server.pid)
    const base = `postgres://${POSTGRES_USER}:${launch.cluster.password}@${LOOPBACK}:${port}`
    const problem = await waitUntilReady(server, base)
    if (problem === undefined) return { server, port, url: `${base}/${DATABASE}` }
    await server.stop()
    const isPortTaken = /address already in use/iu.test(server.logTail())
    if (!isPortTaken || attempt === PORT_ATTEMPTS) {
      throw new LocalError(
        'POSTGRES_UNAVAILABLE',
        `PostgreSQL did not start: ${problem}\n${server.logTail()}`,
      )
    }
  }
}

function serverArgs(launch: Launch, port: number): string[] {
  const settings = [`listen_addresses=${LOOPBACK}`, 'unix_socket_directories=', 'max_connections=200']
  if (launch.isTemporary) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off')
  return [
    '-D',
    launch.cluster.dataFolder,
    '-p',
    String(port),
    ...settings.flatMap((setting) => ['-c', setting]),
  ]
}

/** Answers what went wrong, or `undefined` when the server answers and the database exists. */
async function waitUntilReady(server: ServerProcess, base: string): Promise<string | undefined> {
  let last: unknown
  async function ask(): Promise<string | undefined> {
    const sql = postgres(`${base}/postgres`, { max: 1, connect_timeout: 2, onnotice: () => {} })
    try {
      // A stranger on this port would refuse the password.
      const found = await sql`select 1 from pg_database where datname = ${DATABASE}`
      if (found.length === 0) await sql`create database ${sql(DATABASE)}`
      return 'ready'
    } catch (error) {
      last = error
      return undefined
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
  // A stranger that took the port may accept the connection and say nothing, while our server has ended.
  const ended = server.exited.then((how) => `it ended (${how})`)
  const outcome = await poll(async () => await Promise.race([ended, ask()]), START_TIMEOUT_MS)
  if (outcome === 'ready') return undefined
  return outcome ?? `it did not answer within ${START_TIMEOUT_MS / 1000} s (${describeError(last)})`
}
