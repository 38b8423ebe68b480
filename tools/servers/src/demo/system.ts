import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireLock } from '../lockfile.ts'
import { describeError, LocalError } from '../errors.ts'
import { repositoryFolder } from '../folders.ts'
import { findFreePort, isPortFree, LOOPBACK } from '../ports.ts'
import { providePostgres, provideRedis } from '../provide.ts'
import { spawnServer } from '../server-process.ts'
import { poll } from '../wait.ts'
import type { Closers } from './closers.ts'
import { startProgram, type Program } from './program.ts'
import { webhookVariables } from './webhook-key.ts'
import { workerGroupArgs } from './worker-group.ts'

/** What to start. */
export interface SystemOptions {
  /** Data, logs and the lockfile. */
  readonly stateFolder: string
  /** The API's port. @default 3000 if that is free, else any */
  readonly port?: number
  readonly workerCount: number
  readonly env: NodeJS.ProcessEnv
  /** Everything that was started, to be closed by the caller even when the start fails. */
  readonly closers: Closers
  /** Ends the start between two steps. */
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

/** The whole of Titan Queue, running. */
export interface System {
  readonly url: string
  /** A file for a shell to read, with the variables that name the servers; there for as long as they run. */
  readonly environmentFile: string
  /** Rejects when a part of it cannot be kept running; never resolves. */
  readonly failed: Promise<never>
}

// Slow enough to watch, with some failures and retries to see. Applies only while the user chooses no gateway.
const SHOW_GATEWAY = {
  GATEWAY_DELAY_MS: '700',
  GATEWAY_TRANSIENT_RATE: '0.15',
  GATEWAY_DECLINE_RATE: '0.3',
  RETRY_BASE_MS: '500',
}
const USUAL_PORT = 3000
const READY_TIMEOUT_MS = 60_000
const PORT_ATTEMPTS = 5

/**
 * Starts PostgreSQL, Redis, the API and the workers, and waits until the API answers.
 *
 * @throws LocalError
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { stateFolder, closers, env, signal, print } = options
  await checkPort(options.port)
  const lock = await acquireLock(join(stateFolder, 'start.json'), `The state folder ${stateFolder}`)
  closers.add(() => lock.release())

  const postgres = await providePostgres({ dataDir: join(stateFolder, 'postgres') }, env)
  closers.add(async () => await postgres.stop())
  print(postgres.description)
  signal.throwIfAborted()
  const redis = await provideRedis({ dataDir: join(stateFolder, 'redis'), password: newPassword() }, env)
  closers.add(async () => await redis.stop())
  print(redis.description)
  signal.throwIfAborted()

  const database = env['DATABASE_URL'] ? {} : await prepareDatabase(postgres.url, stateFolder, closers)
  signal.throwIfAborted()
  const stores = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...database }
  const environmentFile = writeEnvironment(join(stateFolder, 'env'), {
    DATABASE_URL: stores.DATABASE_URL,
    REDIS_URL: stores.REDIS_URL,
    // Without it `titan` would read another queue.
    ...(env['QUEUE_PREFIX'] && { QUEUE_PREFIX: env['QUEUE_PREFIX'] }),
  })
  closers.add(() => rmSync(environmentFile, { force: true }))
  const gateway = Object.keys(env).some((name) => name.startsWith('GATEWAY')) ? {} : SHOW_GATEWAY
  const webhooks = webhookVariables(join(stateFolder, 'webhook-key'), env)
  const run: Run = async (name, script, args, settings) => {
    const program = await startProgram({
      name,
      script: join(repositoryFolder(), script),
      args,
      env: { ...gateway, ...webhooks, ...stores, ...settings },
      logFile: join(stateFolder, 'logs', `${name}.log`),
      onSpawn: (pid) => lock.record(pid, 'SIGTERM'),
      onRestart: (how) => print(`${name} ended (${how}), restarting`),
    })
    closers.add(async () => await program.stop())
    return program
  }

  const { api, url } = await startApi(options.port, run, signal)
  print(`API on ${url}`)
  const workers: Program[] = []
  const group = await workerGroupArgs(redis.url, env)
  for (let number = 1; number <= options.workerCount; number += 1) {
    const args = [...group, '--consumer', `c${number}`]
    const worker = await run(`worker-c${number}`, 'packages/worker/src/cli.ts', args, {})
    worker.keepRunning()
    workers.push(worker)
  }
  print(options.workerCount === 1 ? '1 worker' : `${options.workerCount} workers`)
  const failed = Promise.race([api, ...workers].map(async (program) => await program.failed))
  // Handled here too, so that a failure that no caller awaits does not end the process.
  failed.catch(() => {})
  return { url, environmentFile, failed }
}

/** Passwords are in the URLs, so it is for its owner alone. */
function writeEnvironment(path: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", '%27')}'\n`,
  )
  writeFileSync(path, lines.join(''), { mode: 0o600 })
  return path
}

/** The role of the programs. It owns nothing. */
const APP_ROLE = 'titan_app'

/**
 * Applies the migrations as the owner of the private database, and makes the role of the programs with a new password.
 *
 * @returns the variables of the programs
 */
async function prepareDatabase(
  ownerUrl: string,
  stateFolder: string,
  closers: Closers,
): Promise<{ readonly DATABASE_URL: string; readonly MIGRATE: string }> {
  const password = newPassword()
  const logFolder = join(stateFolder, 'logs')
  mkdirSync(logFolder, { recursive: true })
  const migration = await spawnServer({
    command: process.execPath,
    args: [join(repositoryFolder(), 'packages/cli/src/cli.ts'), 'migrate', '--grant-to', APP_ROLE],
    env: { DATABASE_URL: ownerUrl, APP_ROLE_PASSWORD: password },
    logFile: join(logFolder, 'migrate.log'),
    stopSignal: 'SIGTERM',
  })
  closers.add(() => migration.stop())
  const how = await migration.exited
  if (how !== 'exit code 0')
    throw new LocalError('SERVER_EXITED', `The migrations failed (${how}):\n${migration.logTail()}`)
  const url = new URL(ownerUrl)
  url.username = APP_ROLE
  url.password = password
  return { DATABASE_URL: url.href, MIGRATE: 'false' }
}

/** A password that needs no escaping in a URL or a file. */
function newPassword(): string {
  return randomBytes(24).toString('hex')
}

type Run = (
  name: string,
  script: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
) => Promise<Program>

async function startApi(
  wanted: number | undefined,
  run: Run,
  signal: AbortSignal,
): Promise<{ api: Program; url: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await chooseApiPort(wanted)
    const url = `http://${LOOPBACK}:${port}`
    const api = await run('api', 'packages/api/src/cli.ts', [], { HOST: LOOPBACK, PORT: String(port) })
    try {
      await waitForApi(api, url, signal)
      api.keepRunning()
      return { api, url }
    } catch (error) {
      await api.stop()
      const isPortLost = /EADDRINUSE|address already in use/iu.test(describeError(error)) && !wanted
      if (!isPortLost || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

async function chooseApiPort(wanted: number | undefined): Promise<number> {
  if (wanted) return wanted
  return wanted === undefined && (await isPortFree(USUAL_PORT)) ? USUAL_PORT : await findFreePort()
}

/** Rejects a port that is in use, before anything is started. */
async function checkPort(wanted: number | undefined): Promise<void> {
  if (!wanted || (await isPortFree(wanted))) return
  throw new LocalError(
    'INVALID_INPUT',
    `Port ${wanted} is in use. Choose another --port, or omit it to use any free port.`,
  )
}

/** The API listens once it has applied the migrations. */
async function waitForApi(api: Program, url: string, signal: AbortSignal): Promise<void> {
  const isReady = await Promise.race([
    api.failed,
    poll(async () => {
      signal.throwIfAborted()
      // Its own word first: a stranger could answer on this port.
      return api.logTail().includes(url) && (await answers(url)) ? true : undefined
    }, READY_TIMEOUT_MS),
  ])
  if (isReady !== true) {
    throw new LocalError('TIMEOUT', `The API did not become ready on ${url}:\n${api.logTail()}`)
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
