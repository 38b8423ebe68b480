import type { RedisClusterClient, RedisNodeClient } from '@titan/queue-core'
import type { Log } from '../log.ts'
import { BehindSentinels } from './behind-sentinels.ts'
import { Cluster } from './cluster.ts'
import { parseRedisUrl } from './place.ts'
import { SingleServer } from './single-server.ts'

/** A server that takes writes. */
export interface RedisMaster {
  /** `host:port`. */
  readonly name: string
  send<Reply>(args: string[]): Promise<Reply>
}

/** What a Sentinel says of the master. */
export interface SentinelReport {
  /** `host:port`. */
  readonly name: string
  /** The fields of `SENTINEL MASTER`; none where it does not tell. */
  readonly facts: Readonly<Record<string, string | undefined>>
  /** Why there is no answer; undefined where there is one. */
  readonly problem: unknown
}

/** Redis as a program uses it, whatever it is made of. */
export interface Redis {
  /** What the queue takes. */
  readonly client: RedisNodeClient | RedisClusterClient
  /** Sends a command to the master that holds a key. */
  send<Reply>(key: string, args: string[]): Promise<Reply>
  /** Returns the masters: one unless it is a cluster. */
  masters(): Promise<readonly RedisMaster[]>
  /** Returns what the Sentinels say; none where there are none. */
  sentinels(): readonly SentinelReport[]
  /** Whether it takes writes, as far as is known. */
  isWritable(): boolean
  /**
   * Connects for the first time.
   *
   * @param timeoutMs how long to try. @default as long as it is open
   * @throws Failure when it cannot be reached in time, refuses us, or is not what the URL says
   */
  connect(timeoutMs?: number): Promise<void>
  /** Closes it, whatever state it is in. */
  close(): void
}

/** How a program uses Redis. */
export interface RedisOptions {
  /** Whether a replica will do, as for a look at it. @default false */
  readonly acceptsReplica?: boolean | undefined
}

/**
 * Creates a client that never gives up: it reconnects with capped backoff and jitter for as long as it is open, and
 * replaces an unresponsive connection, because a network that swallows packets would hold it for a quarter of an hour, and
 * one to a server that became a replica. While Redis is away, commands are refused at once instead of piling up.
 * It says once that Redis is away and once that it is back.
 */
export function createRedis(url: string, log: Log, options: RedisOptions = {}): Redis {
  const place = parseRedisUrl(url)
  if (place.kind === 'sentinel') return new BehindSentinels(url, place, log)
  if (place.kind === 'cluster') return new Cluster(url, place, log)
  return new SingleServer(url, log, options)
}
