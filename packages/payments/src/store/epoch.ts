import { textOf } from '@titan/queue-core/text-of'
import { randomUUID } from 'node:crypto'
import type { RedisClient } from '@titan/queue-core'
import type { Epoch } from './statements/epoch.ts'

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
