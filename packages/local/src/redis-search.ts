import { describeError, LocalError } from './errors.ts'
import { findRedisOnPath, inspectRedis, unpackRedis, type RedisBinary } from './redis-binary.ts'

/**
 * Finds a server program: the one that `TITAN_REDIS_BINARY` names, else `redis-server` or `valkey-server` on PATH,
 * else, on Debian and Ubuntu, the distribution's package, unpacked into the project's cache.
 *
 * @throws LocalError `REDIS_UNAVAILABLE`, with what was tried and how to install one
 */
export async function findRedis(env: NodeJS.ProcessEnv = process.env): Promise<RedisBinary> {
  const named = env['TITAN_REDIS_BINARY']
  if (named) {
    try {
      return await inspectRedis(named)
    } catch (cause) {
      throw new LocalError('REDIS_UNAVAILABLE', `TITAN_REDIS_BINARY: ${describeError(cause)}`, { cause })
    }
  }
  try {
    return await findRedisOnPath(env)
  } catch {
    return await unpackRedis()
  }
}
