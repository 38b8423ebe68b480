import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackAptPackage, unpackedEnvironment } from './apt.ts'
import { describeError } from './errors.ts'
import type { openServerFolder } from './folders.ts'
import { LOOPBACK } from './ports.ts'
import { spawnServer, type ServerProcess } from './server-process.ts'

/** How to start a Redis, and where. */
export interface RedisLaunch {
  readonly folder: Awaited<ReturnType<typeof openServerFolder>>
  readonly port: number
  readonly logFile: string
  /** Arguments besides those of the address and the port. */
  readonly args: readonly string[]
}

/** What can run a Redis on this machine. */
export interface RedisSource {
  readonly product: 'Redis' | 'Valkey'
  /** For example `7.0.15`. */
  readonly version: string
  /** Starts it. In a container it has no process id here. */
  start(launch: RedisLaunch): Promise<Omit<ServerProcess, 'pid'> & { readonly pid?: number }>
}

const NAMES = ['redis-server', 'valkey-server']
// The queue counts on what came with Redis 7.0.
const OLDEST_MAJOR = 7
const run = promisify(execFile)

/** Runs `command --version`. Throws when it is no Redis, or one that is too old. `env` is what the program needs. */
export async function inspectRedis(command: string, env: Record<string, string> = {}) {
  const { stdout } = await run(command, ['--version'], { env: { ...process.env, ...env } })
  const version = /\bv=(?<version>\d+\.\d+\.\d+)/u.exec(stdout)?.groups?.['version']
  if (version === undefined) throw new Error(`${command} does not say which Redis it is: ${stdout.trim()}`)
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    throw new Error(`${command} is version ${version}; ${OLDEST_MAJOR}.0 or newer is needed`)
  return {
    command,
    env,
    product: stdout.startsWith('Valkey') ? 'Valkey' : 'Redis',
    version,
    async start({ folder, port, logFile, args }) {
      const address = ['--bind', LOOPBACK, '--protected-mode', 'yes', '--port', String(port)]
      return await spawnServer({
        command,
        args: [...address, ...args],
        env,
        logFile,
        stopSignal: 'SIGTERM',
        lock: folder.lock,
        temporaryFolder: folder.isTemporary ? folder.path : undefined,
      })
    },
  } satisfies RedisSource & { command: string; env: Record<string, string> }
}

/** A program of this machine that is a Redis. */
export type RedisProgram = Awaited<ReturnType<typeof inspectRedis>>

/** The first fitting server on the `path`, as in the variable PATH. Throws with the reason when there is none. */
export async function findRedisOnPath(path: string) {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).filter(existsSync)
  let problem = `neither ${NAMES.join(' nor ')} is on it`
  for (const candidate of candidates) {
    try {
      return await inspectRedis(candidate)
    } catch (error) {
      problem = describeError(error)
    }
  }
  throw new Error(problem)
}

/** The distribution's own server, unpacked into the folder `cache`. Throws with the reason when that fails. */
export async function unpackRedis(cache: string, onFetch: (name: string) => void = () => {}) {
  const isDebian = ['apt-get', 'dpkg'].every((tool) => existsSync(join('/usr/bin', tool)))
  if (!isDebian) throw new Error('this system is neither Debian nor Ubuntu')
  const problems: string[] = []
  for (const name of NAMES) {
    const target = join(cache, `${name}-${process.arch}`)
    try {
      return await inspectUnpacked(await unpackAptPackage(name, target, () => onFetch(name)), name)
    } catch (error) {
      // What does not run is fetched again next time.
      rmSync(target, { recursive: true, force: true })
      problems.push(`${name}: ${describeError(error)}`)
    }
  }
  throw new Error(problems.join('; '))
}

async function inspectUnpacked(root: string, name: string) {
  return await inspectRedis(join(root, 'usr/bin', name), unpackedEnvironment(root))
}
