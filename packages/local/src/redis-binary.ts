import { execFile } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackAptPackage } from './apt.ts'
import { describeError } from './errors.ts'
import { cacheFolder } from './folders.ts'

/** A Redis or Valkey server program of this machine. */
export interface RedisBinary {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  /** As the program prints it, for example `7.0.15`. */
  readonly version: string
}

const run = promisify(execFile)
const NAMES = ['redis-server', 'valkey-server']

/** The oldest server that the queue supports. */
export const OLDEST_MAJOR = 7

/** Runs `command --version`. Throws when it is no Redis, or one that is too old. */
export async function inspectRedis(command: string, env: Record<string, string> = {}): Promise<RedisBinary> {
  const { stdout } = await run(command, ['--version'], { env: { ...process.env, ...env } })
  const version = /\bv=(?<version>\d+\.\d+\.\d+)/u.exec(stdout)?.groups?.['version']
  if (version === undefined) throw new Error(`${command} does not say which Redis it is: ${stdout.trim()}`)
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new Error(`${command} is Redis ${version}; ${OLDEST_MAJOR}.0 or newer is needed`)
  }
  return { command, env, version }
}

/** The first fitting server on PATH. Throws with the reason when there is none. */
export async function findRedisOnPath(env: NodeJS.ProcessEnv = process.env): Promise<RedisBinary> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).filter((path) =>
    existsSync(path),
  )
  let problem = `neither ${NAMES.join(' nor ')} is on PATH`
  for (const candidate of candidates) {
    try {
      return await inspectRedis(candidate)
    } catch (error) {
      problem = describeError(error)
    }
  }
  throw new Error(problem)
}

/** The distribution's own server, unpacked into the project's cache. Throws with the reason when that fails. */
export async function unpackRedis(cache: string = cacheFolder()): Promise<RedisBinary> {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg')) {
    throw new Error('this is neither Debian nor Ubuntu')
  }
  const problems: string[] = []
  for (const name of NAMES) {
    const target = join(cache, `${name}-${process.arch}`)
    try {
      return await inspectUnpacked(await unpackAptPackage(name, target), name)
    } catch (error) {
      // What does not run is fetched again next time.
      rmSync(target, { recursive: true, force: true })
      problems.push(`${name}: ${describeError(error)}`)
    }
  }
  throw new Error(problems.join('; '))
}

async function inspectUnpacked(root: string, name: string): Promise<RedisBinary> {
  const libraries = [join(root, 'usr', 'lib'), join(root, 'lib')].flatMap(libraryFolders)
  const inherited = process.env['LD_LIBRARY_PATH']
  const path = [...libraries, ...(inherited ? [inherited] : [])].join(':')
  return await inspectRedis(join(root, 'usr', 'bin', name), { LD_LIBRARY_PATH: path })
}

/** The folders directly below `base` that hold shared libraries, such as `x86_64-linux-gnu`, and `base` itself. */
function libraryFolders(base: string): string[] {
  if (!existsSync(base)) return []
  const below = readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [base, ...below.map((entry) => join(base, entry.name))].filter((folder) =>
    readdirSync(folder).some((file) => file.includes('.so')),
  )
}
