import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { describeError, LocalError } from './errors.ts'
import { openServerFolder } from './folders.ts'
import { LOOPBACK, onFreePort } from './ports.ts'
import type { ProvidedServer } from './postgres.ts'
import { findRedis, redisProbes } from './redis-search.ts'
import { waitUntilReady } from './server-process.ts'

/** How to start a private Redis. */
export interface RedisOptions {
  /** @default a free port, tried again when another program takes it first */
  readonly port?: number
  /**
   * The folder with the data and the log; created when missing, kept at the end. Data is persisted in an
   * append-only file.
   *
   * @default a temporary folder, removed by `stop`, and no persistence
   */
  readonly dataDir?: string
  /** What clients must send. It is in a file of `dataDir` and not in the list of processes. @default none */
  readonly password?: string
  /** More arguments for the server, after the standard ones, so that they win: `['--cluster-enabled', 'yes']`. */
  readonly args?: readonly string[]
  /** Called with the name of a package before it is fetched from the distribution. */
  readonly onFetch?: (name: string) => void
  /** @default findFreePort */
  readonly choosePort?: () => Promise<number>
}

/** A private Redis. */
export type RedisServer = Awaited<ReturnType<typeof startRedis>>

const START_TIMEOUT_MS = 30_000

/** Returns the Redis that `REDIS_URL` names, else a private one. */
export async function provideRedis(
  options: RedisOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<ProvidedServer> {
  const url = env['REDIS_URL']
  if (url) return { url, description: 'Redis from REDIS_URL', async stop() {} }
  return await startRedis(options)
}

/**
 * Starts a private Redis on the loopback address and waits until it answers. It never evicts keys.
 *
 * @throws LocalError `REDIS_UNAVAILABLE` with the reason or the end of the server's log, `ALREADY_RUNNING` when a
 * living process uses `dataDir`
 */
export async function startRedis(options: RedisOptions = {}) {
  const { password, dataDir, port: wanted, args = [], choosePort } = options
  const source = await findRedis(process.env, redisProbes(process.env, options.onFetch))
  const { product, version } = source
  const folder = await openServerFolder('Redis', dataDir)
  const logFile = join(folder.path, 'server.log')

  /** Starts it on this very port and waits until it answers. */
  async function launch(port: number) {
    const fail = (problem: string, log: string) => {
      // A server cannot read what a newer one wrote.
      const hint = /bad file format|rdb format|append only file/iu.test(log)
        ? `\nIts data is damaged or comes from another version. PostgreSQL holds the truth, so ${folder.path} may be removed.`
        : ''
      const what = `${product} ${version} did not start on port ${port} in ${folder.path}`
      return new LocalError('REDIS_UNAVAILABLE', `${what}: ${problem}\n${log}${hint}`.trimEnd())
    }
    const server = await source
      .start({ folder, port, logFile, args: serverArgs(folder, args, password) })
      .catch((error: unknown) => {
        throw fail(describeError(error), '')
      })
    const problem = await waitUntilReady(server, () => answers(port, password, server.pid), START_TIMEOUT_MS)
    if (problem === undefined) return { server, port }
    await server.kill()
    throw fail(problem, server.logTail())
  }

  try {
    const { server, port } = await (wanted === undefined ? onFreePort(launch, choosePort) : launch(wanted))
    const unlocked = server.exited.then(() => folder.lock.release())
    return {
      url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${LOOPBACK}:${port}`,
      port,
      /** Undefined when it runs in a container. */
      pid: server.pid,
      dataDir: folder.path,
      product,
      /** For example `7.0.15`. */
      version,
      description: `${product} ${version} on port ${port}`,
      /** Ends the server in good order, and removes a temporary folder. Idempotent. */
      async stop() {
        await server.stop()
        folder.close()
      },
      /** Ends the server with SIGKILL; the folder stays, so that one with its `port` and `dataDir` can follow. Idempotent. */
      async kill() {
        await server.kill()
        await unlocked
      },
    }
  } catch (error) {
    folder.close()
    throw error
  }
}

type Folder = Awaited<ReturnType<typeof openServerFolder>>

function serverArgs({ path, isTemporary }: Folder, args: readonly string[], password: string | undefined) {
  const persistence = ['--save', '', '--appendonly', isTemporary ? 'no' : 'yes']
  const common = ['--daemonize', 'no', '--dir', path, '--maxmemory-policy', 'noeviction', ...persistence]
  if (password === undefined) return [...common, ...args]
  // In a file that this account alone reads: other accounts see the arguments of a process.
  const secrets = join(path, 'secrets.conf')
  writeFileSync(secrets, `requirepass ${password}\n`, { mode: 0o600 })
  return [...common, '--include', secrets, ...args]
}

/** Reports whether our server responds. Its process id distinguishes it from another program that took the port first. */
async function answers(port: number, password: string | undefined, pid: number | undefined) {
  const client = createClient({
    socket: { host: LOOPBACK, port, connectTimeout: 2_000, socketTimeout: 2_000, reconnectStrategy: false },
    ...(password !== undefined && { password }),
  })
  client.on('error', () => {})
  try {
    await client.connect()
    // Fails with LOADING while the data is read.
    const info = await client.info('server')
    return pid === undefined || new RegExp(String.raw`^process_id:${pid}\r?$`, 'mu').test(info)
  } finally {
    if (client.isOpen) client.destroy()
  }
}
