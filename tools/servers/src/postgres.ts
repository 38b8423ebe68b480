import { join } from 'node:path'
import postgres from 'postgres'
import { LocalError } from './errors.ts'
import { openServerFolder } from './folders.ts'
import { findOsUser, type OsUser } from './os-user.ts'
import { LOOPBACK, onFreePort } from './ports.ts'
import {
  ensureCluster,
  findPostgresBinaries,
  giveTo,
  MAJOR_VERSION,
  POSTGRES_USER,
  type PostgresBinaries,
} from './postgres-cluster.ts'
import { clearPostmaster } from './postmaster.ts'
import { spawnServer, waitUntilReady } from './server-process.ts'

/** How to start a private PostgreSQL. */
export interface PostgresOptions {
  /**
   * The folder with the data, the password and the log; created when missing, kept at the end.
   *
   * @default a temporary folder, removed at the end, with a server that trades durability for speed
   */
  readonly dataDir?: string
  /** @default findFreePort */
  readonly choosePort?: () => Promise<number>
}

/** The database in every cluster made here. */
export const DATABASE = 'titan'
const START_TIMEOUT_MS = 60_000

/** A PostgreSQL or Redis to work with. `stop` ends what was started here; a server of the user stays. Idempotent. */
export interface ProvidedServer {
  readonly url: string
  /** One line for people: what it is and where it comes from. */
  readonly description: string
  stop(): Promise<void>
}

/** Returns the PostgreSQL that `DATABASE_URL` names, else a private one. */
export async function providePostgres(
  options: PostgresOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<ProvidedServer> {
  const url = env['DATABASE_URL']
  if (url) return { url, description: 'PostgreSQL from DATABASE_URL', async stop() {} }
  return await startPostgres(options)
}

/**
 * Starts PostgreSQL on a free port of the loopback address and waits until it answers.
 *
 * @throws LocalError `POSTGRES_UNAVAILABLE` with the end of the server's log, `ALREADY_RUNNING` when a living
 * process uses `dataDir`
 */
export async function startPostgres({ dataDir, choosePort }: PostgresOptions = {}) {
  const folder = await openServerFolder('PostgreSQL', dataDir)
  try {
    const binaries = findPostgresBinaries()
    const osUser = findOsUser([binaries.postgres, folder.path])
    giveTo(osUser, folder.path)
    const { dataFolder, password } = await ensureCluster(folder.path, binaries, osUser, folder.isTemporary)
    await clearPostmaster(dataFolder)

    async function launch(port: number) {
      const settings = [`listen_addresses=${LOOPBACK}`, 'unix_socket_directories=', 'max_connections=200']
      if (folder.isTemporary) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off')
      const server = await spawnPostgres({ folder, dataFolder, binaries, osUser, port, settings })
      const base = `postgres://${POSTGRES_USER}:${password}@${LOOPBACK}:${port}`
      const problem = await waitUntilReady(server, () => prepareDatabase(base), START_TIMEOUT_MS)
      if (problem === undefined) return { server, port, url: `${base}/${DATABASE}` }
      await server.stop()
      const text = `PostgreSQL did not start: ${problem}\n${server.logTail()}`
      throw new LocalError('POSTGRES_UNAVAILABLE', text)
    }

    const { server, port, url } = await onFreePort(launch, choosePort)
    return {
      /** Connection string of the database `titan`, with the password. */
      url,
      port,
      pid: server.pid,
      dataDir: folder.path,
      description: `PostgreSQL ${MAJOR_VERSION} on port ${port}`,
      /** Ends the server, and removes a temporary folder. Idempotent. */
      async stop() {
        await server.stop()
        folder.close()
      },
    }
  } catch (error) {
    folder.close()
    throw error
  }
}

/** What a PostgreSQL is started with. */
interface PostgresLaunch {
  readonly folder: Awaited<ReturnType<typeof openServerFolder>>
  readonly dataFolder: string
  readonly binaries: PostgresBinaries
  readonly osUser: OsUser
  readonly port: number
  /** `name=value` each. */
  readonly settings: readonly string[]
}

/** Starts the server of a cluster; it may not answer yet. */
export async function spawnPostgres({
  folder,
  dataFolder,
  binaries,
  osUser,
  port,
  settings,
}: PostgresLaunch) {
  const args = ['-D', dataFolder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  return await spawnServer({
    ...osUser.wrap(binaries.postgres, args),
    logFile: join(folder.path, 'server.log'),
    stopSignal: 'SIGINT',
    lock: folder.lock,
    temporaryFolder: folder.isTemporary ? folder.path : undefined,
  })
}

/** Creates the database unless it exists. A stranger on this port would refuse the password. */
export async function prepareDatabase(base: string) {
  const sql = postgres(`${base}/postgres`, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    const found = await sql`select 1 from pg_database where datname = ${DATABASE}`
    if (found.length === 0) await sql`create database ${sql(DATABASE)}`
    return true
  } finally {
    await sql.end({ timeout: 1 })
  }
}
