import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireLock } from '../lockfile.ts'
import { LocalError } from '../errors.ts'
import { REPOSITORY } from '../folders.ts'
import { findFreePort, isPortFree, LOOPBACK, onFreePort } from '../ports.ts'
import { providePostgres } from '../postgres.ts'
import { provideRedis } from '../redis.ts'
import { spawnServer } from '../server-process.ts'
import { poll } from '../wait.ts'
import { startProgram, type Program } from './program.ts'
import { ledgerVariables } from './ledger.ts'
import { webhookVariables } from './webhook-key.ts'
import { workerGroupArgs } from './worker-group.ts'

/** What to start. */
export interface SystemOptions {
  /** Data, logs and the lockfile. */
  readonly stateFolder: string
  /** The API's port. @default 3000 if that is free, else any */
  readonly port: number | undefined
  readonly workerCount: number
  readonly env: NodeJS.ProcessEnv
  /** Receives what was started, to be closed by the caller even when the start fails. */
  readonly closers: AsyncDisposableStack
  /** Ends the start between two steps. */
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

/** The whole of Titan Queue, running. */
export type System = Awaited<ReturnType<typeof startSystem>>

// Slow enough to watch, with some failures and retries to see. Applies only while the user chooses no gateway.
const SHOW_GATEWAY = {
  GATEWAY_DELAY_MS: '700',
  GATEWAY_TRANSIENT_RATE: '0.15',
  GATEWAY_DECLINE_RATE: '0.3',
  RETRY_BASE_MS: '500',
}
const USUAL_PORT = 3000
const READY_TIMEOUT_MS = 60_000
/** The role of the programs. It owns nothing. */
const APP_ROLE = 'titan_app'

/**
 * Starts PostgreSQL, Redis, the API and the workers, and waits until the API answers.
 *
 * @throws LocalError
 */
export async function startSystem(options: SystemOptions) {
  const { stateFolder, port, workerCount, closers, env, signal, print } = options
  if (port && !(await isPortFree(port)))
    throw new LocalError(
      'INVALID_INPUT',
      `Port ${port} is in use. Choose another --port, or omit it to use any free port.`,
    )
  const lock = await acquireLock(join(stateFolder, 'start.json'), `The state folder ${stateFolder}`)
  closers.defer(() => lock.release())

  const ledger = ledgerVariables(stateFolder, env)
  const postgres = await providePostgres({ dataDir: join(stateFolder, 'postgres') }, env)
  closers.defer(() => postgres.stop())
  print(postgres.description)
  signal.throwIfAborted()
  const redis = await provideDemoRedis(stateFolder, env, print)
  closers.defer(() => redis.stop())
  print(redis.description)
  signal.throwIfAborted()

  const logFolder = join(stateFolder, 'logs')
  mkdirSync(logFolder, { recursive: true })
  const servers = { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
  const database = env['DATABASE_URL'] ? {} : await prepareDatabase(postgres.url, logFolder, signal)
  signal.throwIfAborted()
  const stores = { ...servers, ...database }
  const environmentFile = join(stateFolder, 'env')
  writeEnvironment(environmentFile, { ...stores, ...ledger }, env)
  closers.defer(() => rmSync(environmentFile, { force: true }))
  const gateway = Object.keys(env).some((name) => name.startsWith('GATEWAY')) ? {} : SHOW_GATEWAY
  const webhooks = webhookVariables(join(stateFolder, 'webhook-key'), env)

  async function run(name: string, script: string, args: string[], settings: NodeJS.ProcessEnv = {}) {
    const program = await startProgram({
      name,
      args: [join(REPOSITORY, script), ...args],
      env: { ...gateway, ...ledger, ...webhooks, ...stores, ...settings },
      logFile: join(logFolder, `${name}.log`),
      lock,
      onRestart: (how) => print(`${name} ended (${how}), restarting`),
    })
    closers.defer(() => program.stop())
    return program
  }
  async function startApi(apiPort: number) {
    const url = `http://${LOOPBACK}:${apiPort}`
    // Without a pause before the stop: no load balancer sends requests to it.
    const settings = { HOST: LOOPBACK, PORT: String(apiPort), DRAIN_MS: '0' }
    const api = await run('api', 'packages/api/src/cli.ts', [], settings)
    try {
      await waitForApi(api, url, signal)
    } catch (error) {
      await api.stop()
      throw error
    }
    api.keepRunning()
    return { api, url }
  }

  const { api, url } = await (port ? startApi(port) : onFreePort(startApi, () => proposePort(port)))
  print(`API on ${url}${isMoved(url, port) ? `, because port ${USUAL_PORT} is in use` : ''}`)
  const programs = [api]
  const group = await workerGroupArgs(redis.url, env)
  for (let number = 1; number <= workerCount; number += 1) {
    const args = [...group, '--consumer', `c${number}`]
    const worker = await run(`worker-c${number}`, 'packages/worker/src/cli.ts', args)
    worker.keepRunning()
    programs.push(worker)
  }
  print(workerCount === 1 ? '1 worker' : `${workerCount} workers`)
  /** Rejects when a part of it cannot be kept running; never resolves. */
  const failed = Promise.race(programs.map((program) => program.failed))
  // Handled here too, so that a failure that no caller awaits does not end the process.
  failed.catch(() => {})
  return { url, environmentFile, failed }
}

async function provideDemoRedis(stateFolder: string, env: NodeJS.ProcessEnv, print: SystemOptions['print']) {
  const options = {
    dataDir: join(stateFolder, 'redis'),
    password: newPassword(),
    onFetch: (name: string) => print(`Fetching ${name} from the distribution's package servers`),
  }
  return await provideRedis(options, env)
}

function isMoved(url: string, wanted: number | undefined) {
  return wanted === undefined && !url.endsWith(`:${USUAL_PORT}`)
}

async function proposePort(wanted: number | undefined) {
  return wanted === undefined && (await isPortFree(USUAL_PORT)) ? USUAL_PORT : await findFreePort()
}

/**
 * Writes a file for a shell to read, with the variables that name the servers, while they run. Passwords are in the URLs,
 * so it is for its owner alone.
 */
function writeEnvironment(
  path: string,
  servers: { DATABASE_URL: string; REDIS_URL: string; MIGRATE?: string; GATEWAY_LEDGER?: string },
  env: NodeJS.ProcessEnv,
) {
  // Without the prefix `titan` would read another queue. Without MIGRATE an API or a worker would try to change tables.
  const variables = { ...servers, QUEUE_PREFIX: env['QUEUE_PREFIX'] }
  const lines = Object.entries(variables).map(([name, value]) =>
    value ? `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n` : '',
  )
  writeFileSync(path, lines.join(''), { mode: 0o600 })
}

/**
 * Applies the migrations as the owner of the private database, and makes the role of the programs with a new password.
 * Returns the variables of the programs.
 */
async function prepareDatabase(ownerUrl: string, logFolder: string, signal: AbortSignal) {
  const password = newPassword()
  const migration = await spawnServer({
    command: process.execPath,
    args: [join(REPOSITORY, 'packages/cli/src/cli.ts'), 'migrate', '--grant-to', APP_ROLE],
    env: { DATABASE_URL: ownerUrl, APP_ROLE_PASSWORD: password },
    logFile: join(logFolder, 'migrate.log'),
    stopSignal: 'SIGTERM',
  })
  const stop = () => void migration.stop()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  const how = await migration.exited
  signal.removeEventListener('abort', stop)
  if (how !== 'exit code 0')
    throw new LocalError('SERVER_EXITED', `The migrations failed (${how}):\n${migration.logTail()}`)
  const url = new URL(ownerUrl)
  url.username = APP_ROLE
  url.password = password
  return { DATABASE_URL: url.href, MIGRATE: 'false' }
}

/** A password that needs no escaping in a URL or a file. */
function newPassword() {
  return randomBytes(24).toString('hex')
}

/** Waits until the API listens, which it does after it has applied the migrations. */
async function waitForApi(api: Program, url: string, signal: AbortSignal) {
  const ready = poll(async () => {
    signal.throwIfAborted()
    // Its own word first: a stranger could answer on this port.
    return (api.logTail().includes(url) && (await answers(url))) || undefined
  }, READY_TIMEOUT_MS)
  if ((await Promise.race([api.failed, ready])) === undefined)
    throw new LocalError('TIMEOUT', `The API did not become ready on ${url}:\n${api.logTail()}`)
}

async function answers(url: string) {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
