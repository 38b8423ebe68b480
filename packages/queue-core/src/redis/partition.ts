import type { RedisClient } from './clients/recognise.ts'
import { shareConnection, type Connection } from './connection.ts'
import { keysOf, type Keys } from './keys.ts'

/** One partition of a queue and the way to it. */
export interface QueuePartition {
  readonly keys: Keys
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
  queue: string,
  { prefix, partitions }: { readonly prefix: string; readonly partitions: number },
): QueuePartition[] {
  return partitionKeys(prefix, queue, partitions).map((keys) => {
    return { keys, connection: shareConnection(redis, keys.dlq) }
  })
}

/** Returns the partition of the jobs of an id, or of an ordering key where they have one: FNV-1a, the same in every process. */
export function partitionOf(text: string, partitions: number): number {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
