import { codeOf, textOf } from '@titan/queue-core/text-of'
import { Failure, type Redis } from '@titan/service'
import { randomUUID } from 'node:crypto'
import type { Database, Queryable } from './database.ts'
import { statement } from './statements.ts'

// What PostgreSQL knows of a queue in Redis: over how many partitions its jobs are spread, and who held them last.

const readNumber = statement<{ readonly partitions: number }>('read_partitions')
const recordNumber = statement('record_partitions')
const changeNumber = statement('change_partitions')

/** A table or a column is missing. */
const OLDER_TABLES = /^42(P01|703)$/

/** Reads over how many partitions the jobs of a queue are spread; undefined before a program of this version started. */
export async function readPartitions(sql: Queryable, queue: string): Promise<number | undefined> {
  try {
    return (await readNumber(sql, { queue }))[0]?.partitions
  } catch (error) {
    if (OLDER_TABLES.test(codeOf(error))) return undefined
    throw error
  }
}

/** Requires that a number of partitions is not another one than is recorded. @throws Failure when it is */
export async function requirePartitions(sql: Queryable, queue: string, partitions: number): Promise<void> {
  refuseOther(queue, partitions, await readPartitions(sql, queue))
}

/**
 * Records the number of partitions at the first start of a program. Of programs that start at once with different numbers
 * one records its own, and the others are refused.
 *
 * @throws Failure when another number is recorded
 */
export async function recordPartitions(sql: Queryable, queue: string, partitions: number): Promise<void> {
  let recorded = await readPartitions(sql, queue)
  if (recorded === undefined) {
    await recordNumber(sql, { queue, partitions })
    recorded = await readPartitions(sql, queue)
  }
  refuseOther(queue, partitions, recorded)
}

function refuseOther(queue: string, partitions: number, recorded: number | undefined): void {
  if (recorded === undefined || recorded === partitions) return
  const place = `${recorded} ${recorded === 1 ? 'partition' : 'partitions'}`
  throw new Failure(
    `QUEUE_PARTITIONS is ${partitions}, but the jobs of queue ${queue} are in ${place}: ` +
      `set QUEUE_PARTITIONS=${recorded}, or stop every program and run titan repartition`,
  )
}

/** Records another number of partitions, and that no Redis is known to hold the jobs. */
export async function changePartitions(sql: Queryable, queue: string, partitions: number): Promise<void> {
  await recordNumber(sql, { queue, partitions })
  await changeNumber(sql, { queue, partitions })
}

/** Returns the names of the partitions of a queue, as its keys in Redis have them between braces. */
export function partitionNames(queue: string, partitions: number): string[] {
  return partitions === 1
    ? [queue]
    : Array.from({ length: partitions }, (_none, index) => `${queue}:${index}`)
}

export interface Epoch {
  /** A random mark in the data: it is gone after a wipe. */
  readonly epoch: string
  /**
   * The id of the server process: after a restart or a failover an older state of the data may have come back, mark and
   * all. Empty where the server does not tell.
   */
  readonly runId: string
}

/** Reads which Redis holds a partition, by a key in it; makes the mark where there is none. */
export async function readRedisEpoch(redis: Pick<Redis, 'send'>, key: string): Promise<Epoch> {
  await redis.send(key, ['SET', key, randomUUID(), 'NX'])
  const epoch = await redis.send<string | null>(key, ['GET', key])
  try {
    const info = await redis.send<string>(key, ['INFO', 'server'])
    return { epoch: epoch ?? '', runId: /^run_id:(\w+)/m.exec(info)?.[1] ?? '' }
  } catch (error) {
    // Hosted servers may forbid INFO; then the mark alone has to do.
    if (/^(NOPERM|ERR)/.test(textOf(error))) return { epoch: epoch ?? '', runId: '' }
    throw error
  }
}

const read = statement<Epoch & { readonly name: string }>('read_epochs')
const write = statement('write_epochs')

/** Reads which Redis this database was last in step with, by the name of the partition. */
export async function readEpochs(
  sql: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, Epoch>> {
  return new Map((await read(sql, { names })).map((row) => [row.name, row]))
}

export async function writeEpochs(sql: Database, epochs: ReadonlyMap<string, Epoch>): Promise<void> {
  const all = [...epochs.values()]
  await write(sql, {
    names: [...epochs.keys()],
    epochs: all.map(({ epoch }) => epoch),
    runIds: all.map(({ runId }) => runId),
  })
}
