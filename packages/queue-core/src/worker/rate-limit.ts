import * as broker from '../redis/commands.ts'
import { errorDelay } from '../async/loop.ts'
import type { RateLimit } from '../model/options.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { startTimer, type Timer } from '../async/timer.ts'

/** Permission to start jobs under the queue's rate limit, shared by all its workers. */
export interface Limiter {
  /** Takes one token if one is in hand; else asks for up to `wanted` and calls back when some came. */
  take(wanted: number): boolean
  stop(): void
}

/** Makes a limiter over the bucket of the first partition; `onTokens` is called when some came after a `take` failed. */
export function createLimiter(
  home: QueuePartition,
  limit: RateLimit,
  onTokens: () => void,
  onError: (error: unknown) => void,
): Limiter {
  let tokens = 0
  let asking = false
  let stopped = false
  let failures = 0
  let timer: Timer | undefined

  async function ask(wanted: number): Promise<void> {
    let waitMs = 0
    try {
      const reply = await broker.takeTokens(home.connection, home.keys, limit, wanted)
      tokens += reply.granted
      waitMs = reply.granted > 0 ? 0 : reply.waitMs
      failures = 0
    } catch (error) {
      onError(error)
      waitMs = errorDelay(++failures)
    }
    if (stopped) return
    if (waitMs === 0) return resume()
    timer = startTimer(resume, waitMs)
  }

  function resume(): void {
    asking = false
    onTokens()
  }

  return {
    take(wanted) {
      if (tokens > 0) {
        tokens--
        return true
      }
      if (!asking && !stopped) {
        asking = true
        void ask(Math.max(1, wanted))
      }
      return false
    },
    stop() {
      stopped = true
      timer?.stop()
    },
  }
}
