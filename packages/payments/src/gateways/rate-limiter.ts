import { pause } from '@titan/queue-core/async'
import { TokenBucket } from 'limiter'

/** Share of the rate that may come at once; the rest flows evenly. Together they never exceed the rate in a second. */
const BURST_SHARE = 0.05

/** Limits the number of requests in any second. */
export class RateLimiter {
  readonly #bucket: TokenBucket | undefined
  #pausedUntil = 0

  constructor(ratePerSecond: number) {
    if (ratePerSecond === Infinity) return
    const bucketSize = Math.max(1, ratePerSecond * BURST_SHARE)
    const tokensPerInterval = ratePerSecond * (1 - BURST_SHARE)
    this.#bucket = new TokenBucket({ bucketSize, tokensPerInterval, interval: 'second' })
    // The library begins with an empty bucket; nothing was sent yet, so the first burst is free.
    this.#bucket.content = bucketSize
  }

  /** Returns the milliseconds until the next request may be sent. */
  waitMs(): number {
    return Math.max(0, this.#pausedUntil - performance.now(), this.#bucket?.getWaitTime(1) ?? 0)
  }

  /** Returns whether a request may be sent now, and counts it if so. */
  tryTake(): boolean {
    return this.#pausedUntil <= performance.now() && (this.#bucket?.tryRemoveTokens(1) ?? true)
  }

  /** Waits until a request may be sent, and counts it. Rejects with the signal's reason. */
  async take(signal: AbortSignal): Promise<void> {
    while (!this.tryTake()) {
      await pause(Math.max(1, Math.ceil(this.waitMs())), signal)
      signal.throwIfAborted()
    }
  }

  /** Lets no request through for a while, because the gateway has asked for it. */
  pause(delayMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + delayMs)
  }
}
