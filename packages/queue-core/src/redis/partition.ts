import { shareConnection, type Connection, type RedisClient } from './connection.ts'
import { fixedKeys, keysOf, type Keys } from './keys.ts'

/** One partition as the queue's verbs see it. */
export interface QueuePartition {
  readonly index: number
  readonly keys: Keys
  /** The keys that scripts on jobs take first. */
  readonly fixed: readonly string[]
  readonly connection: Connection
}

/** The keys of every partition of a queue. */
export function partitionKeys(prefix: string, queue: string, partitions: number): Keys[] {
  if (partitions === 1) return [keysOf(prefix, queue)]
  return Array.from({ length: partitions }, (_none, index) => keysOf(prefix, queue, index))
}

/** Opens every partition of a queue over the caller's client. @throws {QueueError} `INVALID_OPTIONS` */
export function sharePartitions(
  redis: RedisClient,
  prefix: string,
  queue: string,
  partitions: number,
): QueuePartition[] {
  return partitionKeys(prefix, queue, partitions).map((keys, index) => {
    return { index, keys, fixed: fixedKeys(keys), connection: shareConnection(redis, keys.dlq) }
  })
}

/** Chooses the partition of an id or ordering key: FNV-1a, so that every producer in every process agrees. */
export function partitionOf(text: string, partitions: number): number {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
