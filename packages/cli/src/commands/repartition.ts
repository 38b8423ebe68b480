import {
  changePartitions,
  partitionNames,
  PAYMENTS_QUEUE,
  readPartitions,
  storeSettings,
  type Database,
  type PaymentJobs,
} from '@titan/payments'
import { createInspector, createQueue, type RedisClient } from '@titan/queue-core'
import { Failure, type Redis } from '@titan/service'
import { command } from '../command.ts'
import { recorded } from './audit.ts'
import type { Place } from './queue.ts'

/** `titan repartition`. */
export const repartition = command({
  name: 'titan repartition',
  description:
    'Record QUEUE_PARTITIONS as the number of partitions of the queue payments. Stop every API and worker first: the next worker enqueues the unfinished payments again.',
  settings: {},
  groups: { config: storeSettings },
  async run(_, { config: { prefix, partitions }, database, print, ...session }) {
    const sql = await database()
    const before = (await readPartitions(sql, PAYMENTS_QUEUE)) ?? 1
    const result = { queue: PAYMENTS_QUEUE, before, partitions }
    if (before === partitions) {
      print({ ...result, deleted: 0 }, () => `queue ${PAYMENTS_QUEUE} has ${partitions} partitions already`)
      return true
    }
    const redis = await session.redis()
    const place = { prefix, partitions: before }
    await requireStopped(sql)
    await requireIdle(redis.client, place)
    const deleted = await recorded(
      sql,
      { action: 'queue.repartition', target: PAYMENTS_QUEUE },
      async () => {
        // First: with the number before, a program that starts after a crash here finds a Redis without its mark.
        const count = await deleteKeys(redis, place)
        await changePartitions(sql, PAYMENTS_QUEUE, partitions)
        return count
      },
      () => `${before} to ${partitions}`,
    )
    print(
      { ...result, deleted },
      () => `queue ${PAYMENTS_QUEUE} has ${partitions} partitions, before ${before}; ${deleted} keys deleted`,
    )
    return true
  },
})

/** Requires that no program is connected, as far as PostgreSQL sees the programs. @throws Failure */
async function requireStopped(sql: Database): Promise<void> {
  const connected = await sql<{ name: string }[]>`
    select distinct (regexp_match(application_name, '^titan-(?:api|worker)'))[1] as name
      from pg_stat_activity
     where datname = current_database() and application_name ~ '^titan-(api|worker)'
     order by 1`
  const [first] = connected
  if (first !== undefined)
    throw new Failure(`${first.name} is connected to PostgreSQL: stop every API and worker first`)
}

/** A worker that ended without leaving is gone after this time. */
const GONE_AFTER_MS = 60_000

/** Requires that no worker is alive, and that nothing would be lost but jobs, which PostgreSQL knows. @throws Failure */
async function requireIdle(redis: RedisClient, place: Place): Promise<void> {
  const workers = await createInspector(redis, PAYMENTS_QUEUE, place).consumers()
  const alive = workers.find(({ idleMs }) => idleMs < GONE_AFTER_MS)
  if (alive !== undefined)
    throw new Failure(`worker ${alive.name} was alive within the last minute: stop it, or wait for a minute`)
  const { dead, paused } = await createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, place).stats()
  const again = `with QUEUE_PARTITIONS=${place.partitions} for that command`
  if (dead > 0)
    throw new Failure(`the queue has ${dead} dead letters: redrive or delete them first, ${again}`)
  if (paused)
    throw new Failure(`the queue is paused: run titan resume first, ${again}, and titan pause afterwards`)
}

/** Keys that are read or deleted at a time. */
const PAGE = 1_000

/** Deletes the keys of every partition; returns how many there were. */
async function deleteKeys(redis: Redis, { prefix, partitions }: Place): Promise<number> {
  const bases = partitionNames(PAYMENTS_QUEUE, partitions).map((name) => `${prefix}:{${name}}:`)
  let count = 0
  for (const master of await redis.masters()) {
    let cursor = '0'
    do {
      const scan = ['SCAN', cursor, 'MATCH', `${prefix}:{${PAYMENTS_QUEUE}*`, 'COUNT', String(PAGE)]
      const [next, keys] = await master.send<[string, string[]]>(scan)
      for (const base of bases) {
        const own = keys.filter((key) => key.startsWith(base))
        if (own.length > 0) count += await redis.send<number>(base, ['UNLINK', ...own])
      }
      cursor = next
    } while (cursor !== '0')
  }
  return count
}
