import { shareConnection, type RedisClient } from '../redis/connection.ts'
import { checkMembers, checkWhole } from '../model/errors.ts'
import { isKey } from '../model/job.ts'
import { LOOKING_OPTIONS, resolveQueue } from '../model/options.ts'
import { partitionKeys } from '../redis/partition.ts'
import { createPartInspector, type ConsumerView, type JobState, type JobView } from './peek.ts'

/** Looks at the jobs of one queue. Reads only; what is seen may have moved on meanwhile. */
export interface Inspector {
  /**
   * The first jobs of a state: ready and delayed ones in the order they come, leased ones those that were silent for the longest
   * first, parked ones by their key. `count` of each partition. @default 10
   */
  peek(state: JobState, count?: number): Promise<JobView[]>
  /** The live job of an id that its producer gave, or that `enqueue` answered for a plain or a delayed job; `done` when it is remembered as done; undefined when it is unknown. */
  find(id: string): Promise<JobView | 'done' | undefined>
  /** Every worker that Redis knows, also those that are gone without a word. By name. */
  consumers(): Promise<ConsumerView[]>
}

/**
 * Opens an inspector over a connected client, for people and their tools. `prefix` and `partitions` are the queue's.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const next = await createInspector(redis, 'emails').peek('ready')
 */
export function createInspector(
  redis: RedisClient,
  queue: string,
  options: { readonly prefix?: string; readonly partitions?: number } = {},
): Inspector {
  checkMembers('createInspector', options, LOOKING_OPTIONS)
  const { prefix, partitions } = resolveQueue(queue, options)
  const parts = partitionKeys(prefix, queue, partitions).map((keys, index) => {
    const connection = shareConnection(redis, keys.dlq)
    return createPartInspector({ index, keys, fixed: [], connection }, partitions === 1)
  })
  return {
    async peek(state, count = 10) {
      checkWhole('count', count, 0, Number.MAX_SAFE_INTEGER)
      return (await Promise.all(parts.map((part) => part[state](count)))).flat()
    },
    async find(id) {
      if (!isKey(id)) return undefined
      for (const part of parts) {
        const found = await part.find(id)
        if (found !== undefined) return found
      }
      return undefined
    },
    async consumers() {
      const byName = new Map<string, ConsumerView>()
      for (const { name, leases, idleMs } of (
        await Promise.all(parts.map((part) => part.consumers()))
      ).flat()) {
        const other = byName.get(name)
        const all = {
          name,
          leases: leases + (other?.leases ?? 0),
          idleMs: Math.min(idleMs, other?.idleMs ?? idleMs),
        }
        byName.set(name, all)
      }
      return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}
