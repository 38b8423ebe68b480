import { TokenBucket } from 'limiter'
import { waitUntil, type Bell } from './bell.ts'

/** A limited number of requests in any second. */
export interface Pace {
  /** Milliseconds until the next request may be sent. */
  waitMs(): number
  /** Whether a request may be sent now; it counts if so. */
  tryTake(): boolean
  /** Waits for that. */
  take(signal: AbortSignal): Promise<void>
  /** Lets nothing through for a while: the gateway has asked for patience. */
  pause(delayMs: number): void
}

/** Share of the rate that may come at once; the rest flows evenly. Together they are never more than the rate in a second. */
const BURST_SHARE = 0.05

/** A pace that has not begun. */
export function createPace(ratePerSecond: number, bell: Bell): Pace {
  const bucket = ratePerSecond === Infinity ? undefined : createBucket(ratePerSecond)
  let pausedUntil = 0

  const waitMs = (): number => Math.max(0, pausedUntil - performance.now(), bucket?.getWaitTime(1) ?? 0)
  const tryTake = (): boolean => pausedUntil <= performance.now() && (bucket?.tryRemoveTokens(1) ?? true)

  return {
    waitMs,
    tryTake,
    async take(signal) {
      while (!tryTake()) await waitUntil(bell, Math.max(1, waitMs()), signal)
    },
    pause(delayMs) {
      pausedUntil = Math.max(pausedUntil, performance.now() + delayMs)
    },
  }
}

function createBucket(ratePerSecond: number): TokenBucket {
  const bucketSize = Math.max(1, ratePerSecond * BURST_SHARE)
  const tokensPerInterval = ratePerSecond * (1 - BURST_SHARE)
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval, interval: 'second' })
  // The library begins empty; nothing was sent yet, so the first burst is free.
  bucket.content = bucketSize
  return bucket
}
