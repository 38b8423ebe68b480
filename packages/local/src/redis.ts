import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createClient } from 'redis'
import { describeError, LocalError } from './errors.ts'
import { findFreePort, LOOPBACK } from './ports.ts'
import { inspectRedis, type RedisBinary } from './redis-binary.ts'
import { findRedis } from './redis-search.ts'
import { spawnServer, type ServerProcess } from './server-process.ts'
import { poll } from './wait.ts'

/** How to start a private Redis. */
export interface RedisOptions {
  /**
   * The server program.
   *
   * @default the one that `findRedis` finds: `TITAN_REDIS_BINARY`, then PATH, then the distribution's package
   */
  readonly binary?: string | RedisBinary
  /** @default a free port */
  readonly port?: number
  /**
   * The folder with the data and the log; created when missing, kept at the end. Data is persisted (append-only file).
   *
   * @default a temporary folder, removed by `stop`, with persistence off
   */
  readonly dataDir?: string
  /** More arguments for the server, after the standard ones, so that they win: `['--cluster-enabled', 'yes']`. */
  readonly args?: readonly string[]
}

/** A private Redis. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  /** As the server prints it, for example `7.0.15`. */
  readonly version: string
  /** Ends the server in good order, and removes a temporary folder. Idempotent. */
  stop(): Promise<void>
  /** Ends the server with SIGKILL; the data folder stays until `stop`. Idempotent. */
  kill(): Promise<void>
}

const START_TIMEOUT_MS = 30_000
const PORT_ATTEMPTS = 5

/**
 * Starts a Redis of its own on the loopback address and waits until it answers. It never evicts keys.
 * To restart one, pass the `port` and the `dataDir` of the first.
 *
 * @throws LocalError `REDIS_UNAVAILABLE`, with the reason or the end of the server's log
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await resolveBinary(options.binary)
  const isTemporary = options.dataDir === undefined
  const dataDir = isTemporary ? mkdtempSync(join(tmpdir(), 'titan-redis-')) : resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  const standing = [
    ...['--bind', LOOPBACK, '--protected-mode', 'yes', '--daemonize', 'no', '--dir', dataDir],
    ...['--save', '', '--appendonly', isTemporary ? 'no' : 'yes', '--maxmemory-policy', 'noeviction'],
  ]
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await findFreePort())
    const server = await spawnServer({
      command: binary.command,
      args: ['--port', String(port), ...standing, ...(options.args ?? [])],
      env: binary.env,
      logFile: join(dataDir, 'server.log'),
      stopSignal: 'SIGTERM',
      temporaryFolder: isTemporary ? dataDir : undefined,
    })
    const url = `redis://${LOOPBACK}:${port}`
    const problem = await waitUntilReady(server, url)
    if (problem === undefined) {
      return {
        url,
        port,
        pid: server.pid,
        dataDir,
        version: binary.version,
        kill: server.kill,
        async stop() {
          await server.stop()
          if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
        },
      }
    }
    await server.kill()
    const tail = server.logTail()
    if (/address already in use/iu.test(tail) && options.port === undefined && attempt < PORT_ATTEMPTS)
      continue
    if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    throw new LocalError('REDIS_UNAVAILABLE', `Redis (${binary.command}) did not start: ${problem}\n${tail}`)
  }
}

async function resolveBinary(binary: string | RedisBinary | undefined): Promise<RedisBinary> {
  if (binary === undefined) return await findRedis()
  if (typeof binary !== 'string') return binary
  try {
    return await inspectRedis(binary)
  } catch (cause) {
    throw new LocalError('REDIS_UNAVAILABLE', describeError(cause), { cause })
  }
}

/** Answers what went wrong, or `undefined` when our own server answers. */
async function waitUntilReady(server: ServerProcess, url: string): Promise<string | undefined> {
  let last: unknown
  const outcome = await poll(async () => {
    if (!server.isRunning()) return `it ended (${await server.exited})`
    const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } })
    client.on('error', () => {})
    try {
      await client.connect()
      // Fails with LOADING while the data is read; the process id tells a stranger that took the port.
      const info = await client.info('server')
      return new RegExp(`^process_id:${server.pid}\\r?$`, 'mu').test(info) ? 'ready' : undefined
    } catch (error) {
      last = error
      return undefined
    } finally {
      if (client.isOpen) client.destroy()
    }
  }, START_TIMEOUT_MS)
  if (outcome === 'ready') return undefined
  return outcome ?? `it did not answer within ${START_TIMEOUT_MS / 1000} s (${describeError(last)})`
}
