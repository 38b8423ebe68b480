import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, isError, isInstance, textOf } from '@titan/queue-core/text-of'
import { createClient, DisconnectsClientError, ErrorReply, type RedisClientType } from 'redis'
import type { Log } from './log.ts'
import { Failure } from './program.ts'
import { watchRedis } from './redis-watch.ts'
import { addressOf } from './server-url.ts'

/** A node-redis client as this project uses it. */
export type Redis = RedisClientType

/** The longest pause between two attempts to connect. */
const MAX_PAUSE_MS = 2_000

/**
 * Creates a Redis client that never gives up: it reconnects with capped backoff and jitter for as long as it is open,
 * and replaces an unresponsive connection, because a network that swallows packets would hold it for a quarter of an hour,
 * and one to a server that became a replica.
 * While the server is away, commands are refused at once instead of piling up.
 * It says once that the connection is lost and once that it is back.
 *
 * @param acceptsReplica whether a replica will do, as for a look at it
 */
export function createRedis(url: string, log: Log, { acceptsReplica = false } = {}): Redis {
  const redis: Redis = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: 2_000, reconnectStrategy: pauseBefore },
  })
  let isLost = false
  redis.on('error', (error: unknown) => {
    if (!isLost)
      log.warn('redis.disconnected', 'Redis unreachable, reconnecting', { address: addressOf(url), error })
    isLost = true
  })
  const onUsable = (): void => {
    if (isLost) log.info('redis.reconnected', 'Redis reachable again', { address: addressOf(url) })
    isLost = false
  }
  watchRedis(redis, { acceptsReplica, onUsable })
  return redis
}

/**
 * Connects for the first time.
 *
 * @param timeoutMs how long to try
 * @throws Failure when the server cannot be reached in time, refuses us, or is not a single server
 */
export async function connectRedis(redis: Redis, url: string, timeoutMs: number): Promise<void> {
  let lastError: unknown
  const keepError = (error: unknown): void => {
    // That one only says that an unresponsive connection, or the client, was closed.
    if (!(error instanceof DisconnectsClientError)) lastError = error
  }
  redis.on('error', keepError)
  const timer = setTimeout(() => {
    lastError ??= new Error(`no reply within ${timeoutMs} ms`)
    redis.destroy()
  }, timeoutMs)
  try {
    await redis.connect()
    await requireSingleServer(redis, url)
  } catch (error) {
    if (isInstance(error, Failure)) throw error
    throw unreachable('Redis', url, lastError ?? error)
  } finally {
    clearTimeout(timer)
    redis.off('error', keepError)
  }
}

/**
 * Requires a single server. Where INFO is forbidden, the first refusal shows it.
 *
 * @throws Failure for a Sentinel, and for a node that is not the whole of its cluster
 */
export async function requireSingleServer(redis: Redis, url: string): Promise<void> {
  const ask = (...command: string[]): Promise<string> =>
    redis.sendCommand<string>(command).catch((error: unknown) => {
      if (isInstance(error, ErrorReply)) return ''
      throw error
    })
  const facts = await ask('INFO')
  if (/^redis_mode:sentinel/m.test(facts))
    throw new Failure(
      `REDIS_URL must point at the primary: ${addressOf(url)} is a Sentinel, which holds no data`,
    )
  if (!/^cluster_enabled:1/m.test(facts)) return
  const masters = Number(/^cluster_size:(\d+)/m.exec(await ask('CLUSTER', 'INFO'))?.[1] ?? 1)
  if (masters > 1)
    throw new Failure(
      `REDIS_URL must point at a single server: ${addressOf(url)} is a node of a cluster of ${masters} masters`,
    )
}

/** Closes a client, whatever state it is in. */
export function closeRedis(redis: Redis): void {
  if (redis.isOpen) redis.destroy()
}

/** Errors of a PostgreSQL that is just starting, or of a network that is not there yet. */
const PASSING =
  /^(ECONN\w+|CONNECT\w+|E\w*UNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|ENOENT|57P0\d|08(?!P01)\w{3}|53300)$/

/** Repeats an attempt to reach PostgreSQL for as long as it fails with an error that passes, within a time limit. */
export async function retryWhilePassing<Value>(
  attempt: () => PromiseLike<Value>,
  timeoutMs: number,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt()
    } catch (error) {
      const pauseMs = pauseBefore(retries)
      if (!PASSING.test(codeOf(error)) || performance.now() + pauseMs > deadline) throw error
      await pause(pauseMs)
    }
  }
}

function pauseBefore(retries: number): number {
  return Math.min(50 * 2 ** retries, MAX_PAUSE_MS) * (0.5 + Math.random() / 2)
}

/** Creates the failure of a server that cannot be used, without the password in its URL. */
export function unreachable(server: string, url: string, error: unknown): Failure {
  const code = codeOf(error)
  const message = isError(error) ? textOf(error) : ''
  const reason =
    message === '' ? code : message.includes(code) || code === '' ? message : `${message} (${code})`
  return new Failure(`cannot use ${server} at ${addressOf(url)}: ${reason}`, { cause: error })
}
