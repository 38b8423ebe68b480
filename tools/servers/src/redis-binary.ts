import { execFile } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackAptPackage } from './apt.ts'
import { describeError } from './errors.ts'

/** A Redis or Valkey server program of this machine. */
export interface RedisBinary {
  readonly kind: 'binary'
  readonly command: string
  /** What the program needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  readonly product: 'Redis' | 'Valkey'
  /** As the program prints it, for example `7.0.15`. */
  readonly version: string
}

const NAMES = ['redis-server', 'valkey-server']
// The queue counts on what came with Redis 7.0.
const OLDEST_MAJOR = 7
const run = promisify(execFile)

/** Runs `command --version`. Throws when it is no Redis, or one that is too old. */
export async function inspectRedis(command: string, env: Record<string, string> = {}): Promise<RedisBinary> {
  const { stdout } = await run(command, ['--version'], { env: { ...process.env, ...env } })
  const version = /\bv=(?<version>\d+\.\d+\.\d+)/u.exec(stdout)?.groups?.['version']
  if (version === undefined) throw new Error(`${command} does not say which Redis it is: ${stdout.trim()}`)
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new Error(`${command} is version ${version}; ${OLDEST_MAJOR}.0 or newer is needed`)
  }
  return { kind: 'binary', command, env, product: stdout.startsWith('Valkey') ? 'Valkey' : 'Redis', version }
}

/** The first fitting server on the `path`, as in the variable PATH. Throws with the reason when there is none. */
export async function findRedisOnPath(path: string): Promise<RedisBinary> {
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
export async function unpackRedis(cache: string): Promise<RedisBinary> {
  const isDebian = ['apt-get', 'dpkg'].every((tool) => existsSync(join('/usr/bin', tool)))
  if (!isDebian) throw new Error('this system is neither Debian nor Ubuntu')
  const problems: string[] = []
  for (const name of NAMES) {
    const target = join(cache, `${name}-${process.arch}`)
    try {
      return await inspectUnpacked(await unpackAptPackage(name, target), name)
    } catch (error) {
      // What does not run is fetched anew next time.
      rmSync(target, { recursive: true, force: true })
      problems.push(`${name}: ${describeError(error)}`)
    }
  }
  throw new Error(problems.join('; '))
}

async function inspectUnpacked(root: string, name: string): Promise<RedisBinary> {
  const inherited = process.env['LD_LIBRARY_PATH'] ?? ''
  const libraries = [join(root, 'usr', 'lib'), join(root, 'lib')].flatMap(libraryFolders)
  const path = [...libraries, inherited].filter((folder) => folder !== '').join(':')
  return await inspectRedis(join(root, 'usr', 'bin', name), { LD_LIBRARY_PATH: path })
}

/** `base` and the folders directly below it, as far as they hold shared libraries. */
function libraryFolders(base: string): string[] {
  if (!existsSync(base)) return []
  const below = readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const folders = [base, ...below.map((entry) => join(base, entry.name))]
  return folders.filter((folder) => readdirSync(folder).some((file) => file.includes('.so')))
}
