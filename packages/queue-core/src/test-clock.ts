import { promote, signal } from './redis/commands.ts'
import type { RedisClient } from './redis/clients/recognise.ts'
import { checkMembers, checkWhole } from './model/errors.ts'
import { LOOKING_OPTIONS, resolveQueue } from './model/options.ts'
import { sharePartitions, type QueuePartition } from './redis/partition.ts'
import { fireSlot } from './producer/recurring.ts'
import { readScores } from './redis/replies.ts'
import { serverNow } from './redis/server-check.ts'

/** Lets time pass for a queue under test. */
export interface TestClock {
  /**
   * Lets `ms` milliseconds pass for all that waits: when it resolves, the delayed jobs and retries that became due in
   * them are ready, and each slot of a recurring job that lay in them has fired. Leases, rate limits and the memory of
   * done jobs go by the server's clock all the same.
   * @throws {QueueError} `INVALID_OPTIONS`; Error when a recurring job cannot be read
   */
  advance(ms: number): Promise<void>
}

const BATCH = 500

/**
 * Makes a clock for one queue; `prefix` and `partitions` are the queue's. It runs no handler: a worker does, or `drain`.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const clock = createTestClock(redis, 'emails', { prefix })
 * await queue.schedule('nightly', { cron: '0 3 * * *' }, 'digest', {})
 * await clock.advance(86_400_000)
 * expect((await drain<Jobs>(redis, 'emails', handlers, { prefix })).completed).toBe(1)
 */
export function createTestClock(
  redis: RedisClient,
  queueName: string,
  options: { readonly prefix?: string; readonly partitions?: number } = {},
): TestClock {
  checkMembers('createTestClock', options, LOOKING_OPTIONS)
  const parts = sharePartitions(redis, queueName, resolveQueue(queueName, options))
  /** How far each recurring job is ahead of the server's clock, until another definition replaces it. */
  const ahead = new Map<string, { readonly definition: string | null; readonly ms: number }>()

  async function fireSlots(part: QueuePartition, ms: number): Promise<void> {
    const { connection, keys } = part
    const now = await serverNow(connection)
    for (const [key, first] of readScores(
      await connection.send(['ZRANGE', keys.slots, '0', '-1', 'WITHSCORES']),
    )) {
      const definition = await connection.send<string | null>(['HGET', keys.schedules, key])
      const before = ahead.get(key)
      const passed = (before?.definition === definition ? before.ms : 0) + ms
      ahead.set(key, { definition, ms: passed })
      let slot: number | undefined = first
      while (slot !== undefined && slot <= now + passed) {
        const error = await fireSlot(part, key, slot, slot, true)
        if (error !== undefined) throw error
        const following: string | number | null = await connection.send(['ZSCORE', keys.slots, key])
        slot = following === null ? undefined : Number(following)
      }
    }
  }

  return {
    async advance(ms) {
      checkWhole('ms', ms, 0)
      for (const part of parts) {
        await advanceDueTimes(part, ms)
        await fireSlots(part, ms)
        while ((await promote(part, BATCH)).moved === BATCH);
      }
    },
  }
}

/** Makes every delayed job due that much earlier, and signals the workers. */
async function advanceDueTimes({ connection, keys }: QueuePartition, ms: number): Promise<void> {
  const delayed = readScores(await connection.send(['ZRANGE', keys.delayed, '0', '-1', 'WITHSCORES']))
  for (let from = 0; from < delayed.length; from += BATCH) {
    const some = delayed.slice(from, from + BATCH)
    const scores = some.flatMap(([id, due]) => [String(Math.max(1, due - ms)), id])
    // A job that became ready meanwhile is not added again.
    await connection.send(['ZADD', keys.delayed, 'XX', ...scores])
  }
  await signal({ connection, keys }, 'due', '1')
}
