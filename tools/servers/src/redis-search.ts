import { describeError, LocalError } from './errors.ts'
import { cacheFolder } from './folders.ts'
import { redisInstallHint } from './install-hint.ts'
import { findRedisOnPath, inspectRedis, unpackRedis, type RedisBinary } from './redis-binary.ts'
import { findRedisContainer, type RedisContainer } from './redis-container.ts'

/** What can run a Redis on this machine. */
export type RedisSource = RedisBinary | RedisContainer

/** Where a Redis is looked for, in this order. Each answers one or throws with the reason why not. */
export interface RedisProbes {
  readonly path: () => Promise<RedisSource>
  readonly container: () => Promise<RedisSource>
  readonly distribution: () => Promise<RedisSource>
}

const STEPS = [
  ['path', 'PATH'],
  ['container', 'Docker'],
  ['distribution', "the distribution's package"],
] as const

/**
 * Finds what can run a Redis: the program that `TITAN_REDIS_BINARY` names; else `redis-server` or `valkey-server`
 * on PATH; else a container engine; else, on Debian and Ubuntu, the distribution's package, unpacked into the
 * project's cache. A Redis that already runs on this machine is never used.
 *
 * @throws LocalError `REDIS_UNAVAILABLE`, with what was tried and how to install one
 */
export async function findRedis(
  env: NodeJS.ProcessEnv = process.env,
  probes: RedisProbes = standardProbes(env),
): Promise<RedisSource> {
  const named = env['TITAN_REDIS_BINARY']
  if (named) {
    try {
      return await inspectRedis(named)
    } catch (cause) {
      throw new LocalError('REDIS_UNAVAILABLE', `TITAN_REDIS_BINARY: ${describeError(cause)}`, { cause })
    }
  }
  const problems: string[] = []
  for (const [step, title] of STEPS) {
    try {
      return await probes[step]()
    } catch (error) {
      problems.push(`  - ${title}: ${describeError(error)}`)
    }
  }
  const tried = `No Redis found on this machine:\n${problems.join('\n')}`
  throw new LocalError('REDIS_UNAVAILABLE', `${tried}\n${redisInstallHint()}`)
}

function standardProbes(env: NodeJS.ProcessEnv): RedisProbes {
  return {
    path: async () => await findRedisOnPath(env['PATH'] ?? ''),
    container: async () => await findRedisContainer(env),
    distribution: async () => await unpackRedis(cacheFolder(env)),
  }
}
