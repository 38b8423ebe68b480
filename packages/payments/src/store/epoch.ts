import { textOf } from '@titan/queue-core/text-of'
import { randomUUID } from 'node:crypto'
import type { RedisClient } from '@titan/queue-core'
import type { Database } from './database.ts'
import { statement } from './statements.ts'

/** Reads which Redis this is. */
export interface EpochReader {
  read(): Promise<Epoch>
}

/**
 * A random mark in the data tells a wipe: the mark is gone. The id of the server process tells a restart, after which
 * an older state of the data may have come back, mark and all.
 */
export function createEpochReader(redis: RedisClient, key: string): EpochReader {
  function send<Reply>(args: string[]): Promise<Reply> {
    return 'getNodeClientForKey' in redis
      ? redis.sendCommand<Reply>(key, false, args)
      : redis.sendCommand<Reply>(args)
  }

  async function readRunId(): Promise<string> {
    try {
      const info = await send<string>(['INFO', 'server'])
      return /^run_id:(\w+)/m.exec(info)?.[1] ?? ''
    } catch (error) {
      // Hosted servers may forbid INFO; then the mark alone has to do.
      if (/^(NOPERM|ERR)/.test(textOf(error))) return ''
      throw error
    }
  }

  return {
    async read() {
      await send(['SET', key, randomUUID(), 'NX'])
      const epoch = await send<string | null>(['GET', key])
      return { epoch: epoch ?? '', runId: await readRunId() }
    },
  }
}

/** Which Redis holds the jobs: a random mark in its data, and the id of its process. */
export interface Epoch {
  readonly epoch: string
  /** Empty where the server does not tell. */
  readonly runId: string
}

const readKnown = statement<Epoch>('read_epoch')
const write = statement('write_epoch')

/** Reads which Redis this database was last in step with. */
export async function readEpoch(sql: Database, queue: string): Promise<Epoch | undefined> {
  return (await readKnown(sql, { queue }))[0]
}

export async function writeEpoch(sql: Database, queue: string, { epoch, runId }: Epoch): Promise<void> {
  await write(sql, { queue, epoch, runId })
}
