import { readFileSync } from 'node:fs'
import { describeError, LocalError } from './errors.ts'
import { cacheFolder } from './folders.ts'
import {
  findRedisOnPath,
  inspectRedis,
  unpackRedis,
  type RedisProgram,
  type RedisSource,
} from './redis-binary.ts'
import { findRedisContainer } from './redis-container.ts'

/** The places where a Redis is looked for, in this order. */
const TITLES = { path: 'PATH', container: 'Docker', distribution: "the distribution's package" } as const

/** Each returns a Redis or throws with the reason why not. */
export type RedisProbes = Readonly<Record<keyof typeof TITLES, () => Promise<RedisSource>>>

/** The usual ones. `onFetch` is called before a package of the distribution is fetched, which takes a while. */
export function redisProbes(env: NodeJS.ProcessEnv, onFetch?: (name: string) => void): RedisProbes {
  return {
    path: () => findRedisOnPath(env['PATH'] ?? ''),
    container: () => findRedisContainer(env),
    distribution: () => unpackRedis(cacheFolder(env), onFetch),
  }
}

/**
 * Finds what can run a Redis: the program that `TITAN_REDIS_BINARY` names; else `redis-server` or `valkey-server`
 * on PATH; else a container engine; else, on Debian and Ubuntu, the distribution's package, unpacked into the
 * project's cache. A Redis that already runs on this machine is never used.
 *
 * @throws LocalError `REDIS_UNAVAILABLE`, with what was tried and how to install one
 */
export async function findRedis(
  env: NodeJS.ProcessEnv = process.env,
  probes: RedisProbes = redisProbes(env),
): Promise<RedisSource> {
  const named = await findNamed(env)
  if (named !== undefined) return named
  const problems: string[] = []
  for (const step of ['path', 'container', 'distribution'] as const) {
    try {
      return await probes[step]()
    } catch (error) {
      problems.push(`  - ${TITLES[step]}: ${describeError(error)}`)
    }
  }
  const tried = `No Redis found on this machine:\n${problems.join('\n')}`
  throw new LocalError('REDIS_UNAVAILABLE', `${tried}\n${redisInstallHint()}`)
}

/**
 * Finds a Redis that is a program of this machine, as {@link findRedis} does without containers: a topology's servers
 * reach each other, and stop and continue by signals.
 *
 * @throws LocalError `REDIS_UNAVAILABLE` with the reason
 */
export async function findRedisProgram(env: NodeJS.ProcessEnv): Promise<RedisProgram> {
  const named = await findNamed(env)
  if (named !== undefined) return named
  try {
    return await findRedisOnPath(env['PATH'] ?? '').catch(() => unpackRedis(cacheFolder(env)))
  } catch (cause) {
    const text = `No Redis program found on this machine: ${describeError(cause)}\n${redisInstallHint()}`
    throw new LocalError('REDIS_UNAVAILABLE', text, { cause })
  }
}

async function findNamed(env: NodeJS.ProcessEnv) {
  const named = env['TITAN_REDIS_BINARY']
  if (!named) return undefined
  try {
    return await inspectRedis(named)
  } catch (cause) {
    throw new LocalError('REDIS_UNAVAILABLE', `TITAN_REDIS_BINARY: ${describeError(cause)}`, { cause })
  }
}

/** How to install a Redis, by ID or ID_LIKE of /etc/os-release. */
const COMMANDS: Readonly<Record<string, string>> = {
  alpine: 'sudo apk add valkey',
  arch: 'sudo pacman -S valkey',
  debian: 'sudo apt-get install redis-server',
  fedora: 'sudo dnf install valkey',
  rhel: 'sudo dnf install redis',
  suse: 'sudo zypper install redis',
  ubuntu: 'sudo apt-get install redis-server',
}

/** Says how to get a Redis on this platform. `osRelease` is the text of /etc/os-release. */
export function redisInstallHint(
  platform: NodeJS.Platform = process.platform,
  osRelease: string = readOsRelease(),
) {
  const or = 'or set REDIS_URL=redis://host:6379 to use a server of yours.'
  if (platform === 'win32')
    return `Start one with "docker run -d -p 127.0.0.1:6379:6379 redis:8" and set REDIS_URL=redis://127.0.0.1:6379, ${or}`
  const names = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gmu)].flatMap(([, ids = '']) =>
    ids.split(' '),
  )
  const known =
    platform === 'darwin'
      ? 'brew install redis'
      : COMMANDS[names.find((name) => Object.hasOwn(COMMANDS, name)) ?? '']
  return `Install one with "${known ?? 'your package manager: redis or valkey'}", ${or}`
}

function readOsRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8')
  } catch {
    return ''
  }
}
