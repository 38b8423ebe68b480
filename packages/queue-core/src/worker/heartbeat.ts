import * as broker from '../redis/commands.ts'
import type { Lane } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'

/** How often a worker notes that it is alive, in milliseconds. */
const BEAT_EVERY_MS = 5_000

/** Notes in Redis, every few seconds, that the worker is alive: busy, idle or paused. */
export function startHeartbeat({ part, owner, emit }: Lane): Loop {
  return startLoop(
    async () => {
      await broker.beat(part.connection, part.keys, owner.consumer)
      return BEAT_EVERY_MS
    },
    (error) => emit({ type: 'error', error, during: 'heartbeat' }),
  )
}
