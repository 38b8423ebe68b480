import { errorDelay } from '../async/loop.ts'
import { startTimer, type Timer } from '../async/timer.ts'
import type { RateLimit } from '../model/options.ts'
import { takeTokens } from '../redis/commands.ts'
import type { LeaseTable } from './lease-table.ts'

/** Permission to start jobs under the queue's rate limit, which all its workers share. */
export class TokenBucket {
  readonly #home: LeaseTable
  readonly #limit: RateLimit
  readonly #onTokens: () => void
  #tokens = 0
  #isAsking = false
  #isStopped = false
  #failures = 0
  #timer: Timer | undefined

  /** The bucket lies in the first partition; `onTokens` is called when tokens may have come after a `take` failed. */
  constructor(home: LeaseTable, limit: RateLimit, onTokens: () => void) {
    this.#home = home
    this.#limit = limit
    this.#onTokens = onTokens
  }

  /** Takes one token if one is in hand; else asks the server for up to `wanted` and returns false. */
  take(wanted: number): boolean {
    if (this.#tokens > 0) {
      this.#tokens--
      return true
    }
    if (!this.#isAsking && !this.#isStopped) void this.#ask(Math.max(1, wanted))
    return false
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.stop()
  }

  async #ask(wanted: number): Promise<void> {
    this.#isAsking = true
    let waitMs = 0
    try {
      const reply = await takeTokens(this.#home.part, this.#limit, wanted)
      this.#tokens += reply.granted
      waitMs = reply.granted > 0 ? 0 : reply.waitMs
      this.#failures = 0
    } catch (error) {
      this.#home.report(error, 'limit')
      waitMs = errorDelay(++this.#failures)
    }
    if (this.#isStopped) return
    const resume = (): void => {
      this.#isAsking = false
      this.#onTokens()
    }
    if (waitMs === 0) resume()
    else this.#timer = startTimer(resume, waitMs)
  }
}
