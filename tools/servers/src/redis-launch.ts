import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { describeError, LocalError } from './errors.ts'
import { LOOPBACK } from './ports.ts'
import type { RedisBinary } from './redis-binary.ts'
import { startRedisContainer, type RedisContainer } from './redis-container.ts'
import type { RedisSource } from './redis-search.ts'
import { spawnServer, type ServerProcess } from './server-process.ts'
import { poll } from './wait.ts'

/** A Redis process, or one in a container, which has no process id here. */
export type RunningRedis = Omit<ServerProcess, 'pid'> & { readonly pid?: number }

/** What to start, and where. */
export interface RedisLaunch {
  readonly source: RedisSource
  readonly port: number
  readonly dataDir: string
  /** Nothing is persisted, and the folder goes when this process dies. */
  readonly isTemporary: boolean
  readonly args: readonly string[]
  /** What clients must send. */
  readonly password: string | undefined
  readonly onSpawn: (pid: number) => void
}

const START_TIMEOUT_MS = 30_000

/**
 * Starts Redis on this very port and waits until it answers.
 *
 * @throws LocalError `REDIS_UNAVAILABLE`, with the end of the server's log
 */
export async function launchRedis(launch: RedisLaunch): Promise<RunningRedis> {
  let server: RunningRedis | undefined
  let problem: string | undefined
  try {
    const { source } = launch
    server = await (source.kind === 'container'
      ? startContainer(launch, source)
      : startProcess(launch, source))
    problem = await waitUntilReady(server, launch)
    if (problem === undefined) return server
    await server.kill()
  } catch (error) {
    problem = describeError(error)
  }
  const { product, version } = launch.source
  const log = server?.logTail() ?? ''
  // A server cannot read what a newer one wrote.
  const hint = /bad file format|rdb format|append only file/iu.test(log)
    ? `\nIts data is damaged or comes from another version. PostgreSQL holds the truth, so ${launch.dataDir} may be removed.`
    : ''
  const what = `${product} ${version} did not start on port ${launch.port} in ${launch.dataDir}`
  throw new LocalError('REDIS_UNAVAILABLE', `${what}: ${problem}\n${log}${hint}`.trimEnd())
}

async function startProcess(launch: RedisLaunch, binary: RedisBinary): Promise<RunningRedis> {
  const server = await spawnServer({
    command: binary.command,
    args: [
      '--bind',
      LOOPBACK,
      '--protected-mode',
      'yes',
      '--port',
      String(launch.port),
      ...serverArgs(launch),
    ],
    env: binary.env,
    logFile: join(launch.dataDir, 'server.log'),
    stopSignal: 'SIGTERM',
    temporaryFolder: launch.isTemporary ? launch.dataDir : undefined,
  })
  launch.onSpawn(server.pid)
  return server
}

async function startContainer(launch: RedisLaunch, { image }: RedisContainer): Promise<RunningRedis> {
  // Inside, Redis listens on the container's own address; outside, the port is published on the loopback address.
  const open = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--cluster-announce-ip', LOOPBACK]
  return await startRedisContainer({
    image,
    port: launch.port,
    args: [...open, ...serverArgs(launch)],
    dataDir: launch.dataDir,
    logFile: join(launch.dataDir, 'server.log'),
  })
}

function serverArgs({ dataDir, isTemporary, args, password }: RedisLaunch): string[] {
  const secrets = password === undefined ? [] : ['--include', writeSecrets(dataDir, password)]
  const persistence = ['--save', '', '--appendonly', isTemporary ? 'no' : 'yes']
  const common = ['--daemonize', 'no', '--dir', dataDir, '--maxmemory-policy', 'noeviction']
  return [...common, ...persistence, ...secrets, ...args]
}

/** Writes the password where this account alone reads it; other accounts see the arguments of a process. */
function writeSecrets(dataDir: string, password: string): string {
  const file = join(dataDir, 'secrets.conf')
  writeFileSync(file, `requirepass ${password}\n`, { mode: 0o600 })
  return file
}

/** Answers what went wrong, or `undefined` when our own server answers. */
async function waitUntilReady(
  server: RunningRedis,
  { port, password }: RedisLaunch,
): Promise<string | undefined> {
  let last: unknown
  async function ask(): Promise<string | undefined> {
    const socket = {
      host: LOOPBACK,
      port,
      connectTimeout: 2_000,
      socketTimeout: 2_000,
      reconnectStrategy: false,
    } as const
    const client = createClient(password === undefined ? { socket } : { socket, password })
    client.on('error', () => {})
    try {
      await client.connect()
      // Fails with LOADING while the data is read.
      const info = await client.info('server')
      return isOurs(info, server.pid) ? 'ready' : undefined
    } catch (error) {
      last = error
      return undefined
    } finally {
      if (client.isOpen) client.destroy()
    }
  }
  // A stranger that took the port may accept the connection and say nothing, while our server has ended.
  const ended = server.exited.then((how) => `it ended (${how})`)
  const outcome = await poll(async () => await Promise.race([ended, ask()]), START_TIMEOUT_MS)
  if (outcome === 'ready') return undefined
  return outcome ?? `it did not answer within ${START_TIMEOUT_MS / 1000} s (${describeError(last)})`
}

/** The process id tells our server from a stranger that took the port first. */
function isOurs(info: string, pid: number | undefined): boolean {
  return pid === undefined || new RegExp(String.raw`^process_id:${pid}\r?$`, 'mu').test(info)
}
