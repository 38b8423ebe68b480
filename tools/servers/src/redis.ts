import { join, resolve } from 'node:path'
import { acquireLock } from './lockfile.ts'
import { describeError, LocalError } from './errors.ts'
import { findFreePort, LOOPBACK } from './ports.ts'
import { inspectRedis } from './redis-binary.ts'
import { launchRedis, type RunningRedis } from './redis-launch.ts'
import { findRedis, type RedisSource } from './redis-search.ts'
import { createTemporaryFolder, removeTemporaryFolder } from './temporary-folder.ts'

/** How to start a private Redis. */
export interface RedisOptions {
  /**
   * The server program.
   *
   * @default what `findRedis` finds
   */
  readonly binary?: string
  /** @default a free port, tried anew when another program takes it first */
  readonly port?: number
  /**
   * The folder with the data and the log; created when missing, kept at the end. Data is persisted in an
   * append-only file.
   *
   * @default a temporary folder, removed by `stop`, and no persistence
   */
  readonly dataDir?: string
  /** What clients must send. It is in a file of `dataDir` and not in the list of processes. @default none is asked for */
  readonly password?: string
  /** More arguments for the server, behind the standard ones, so that they win: `['--cluster-enabled', 'yes']`. */
  readonly args?: readonly string[]
  /** Proposes ports when `port` is not given. @default findFreePort */
  readonly choosePort?: () => Promise<number>
}

/** A private Redis. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The server's process id; `undefined` when it runs in a container. */
  readonly pid: number | undefined
  readonly dataDir: string
  readonly product: 'Redis' | 'Valkey'
  /** For example `7.0.15`. */
  readonly version: string
  /** Ends the server in good order, and removes a temporary folder. Idempotent. */
  stop(): Promise<void>
  /** Ends the server with SIGKILL; the folder stays, so that one with its `port` and `dataDir` can follow. Idempotent. */
  kill(): Promise<void>
}

const PORT_ATTEMPTS = 5

/**
 * Starts a Redis of its own on the loopback address and waits until it answers. It never evicts keys.
 *
 * @throws LocalError `REDIS_UNAVAILABLE` with the reason or the end of the server's log, `ALREADY_RUNNING` when a
 * living process uses `dataDir`
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const source = await resolveSource(options.binary)
  const isTemporary = options.dataDir === undefined
  const dataDir = isTemporary ? createTemporaryFolder('redis') : resolve(options.dataDir)
  const lock = await acquireLock(join(dataDir, 'owner.json'), `Redis in ${dataDir}`)
  const discard = (): void => {
    if (isTemporary) removeTemporaryFolder(dataDir)
  }
  try {
    const onSpawn = (pid: number): void => lock.record(pid, 'SIGTERM')
    const { password } = options
    const { server, port } = await listen(source, dataDir, options, onSpawn)
    const release = server.exited.then(() => lock.release())
    return {
      url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${LOOPBACK}:${port}`,
      port,
      pid: server.pid,
      dataDir,
      product: source.product,
      version: source.version,
      async stop() {
        await server.stop()
        await release
        discard()
      },
      async kill() {
        await server.kill()
        await release
      },
    }
  } catch (error) {
    lock.release()
    discard()
    throw error
  }
}

async function resolveSource(binary: string | undefined): Promise<RedisSource> {
  if (binary === undefined) return await findRedis()
  try {
    return await inspectRedis(binary)
  } catch (cause) {
    throw new LocalError('REDIS_UNAVAILABLE', describeError(cause), { cause })
  }
}

async function listen(
  source: RedisSource,
  dataDir: string,
  options: RedisOptions,
  onSpawn: (pid: number) => void,
): Promise<{ server: RunningRedis; port: number }> {
  const isTemporary = options.dataDir === undefined
  const { args = [], password } = options
  const common = { source, dataDir, isTemporary, args, password, onSpawn }
  if (options.port !== undefined) {
    return { server: await launchRedis({ ...common, port: options.port }), port: options.port }
  }
  const choosePort = options.choosePort ?? findFreePort
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort()
    try {
      return { server: await launchRedis({ ...common, port }), port }
    } catch (error) {
      const isPortTaken = /address already in use|port is already allocated/iu.test(describeError(error))
      if (!isPortTaken || attempt === PORT_ATTEMPTS) throw error
    }
  }
}
