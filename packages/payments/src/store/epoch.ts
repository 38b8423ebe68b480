import { textOf } from '@titan/queue-core/text-of'
import type { Redis } from '@titan/service'
import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'
import { statement } from './statements.ts'

export interface Epoch {
  /** A random mark in the data: it is gone after a wipe. */
  readonly epoch: string
  /**
   * The id of the server process: after a restart an older state of the data may have come back, mark and all. Empty
   * where the server does not tell.
   */
  readonly runId: string
}

/** Reads which Redis this is; makes the mark where there is none. */
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

const read = statement<Epoch>('read_epoch')
const write = statement('write_epoch')

/** Reads which Redis this database was last in step with. */
export async function readEpoch(sql: Database, queue: string): Promise<Epoch | undefined> {
  return (await read(sql, { queue }))[0]
}

export async function writeEpoch(sql: Database, queue: string, { epoch, runId }: Epoch): Promise<void> {
  await write(sql, { queue, epoch, runId })
}
