/** When failed deliveries are sent again. */
export interface RetrySchedule {
  /** Delay before each attempt, in milliseconds; as many attempts as there are delays. */
  readonly delaysMs: readonly number[]
  /** Share by which each delay varies at most, 0 to 1. */
  readonly jitter: number
  /** Shortest delay after a response that asks for fewer requests, or after a timeout, in milliseconds. */
  readonly throttleMs: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The example of the Standard Webhooks specification: ten attempts in about three days. */
export const DEFAULT_RETRY_SCHEDULE: RetrySchedule = {
  delaysMs: [
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
  ],
  jitter: 0.2,
  throttleMs: MINUTE,
}

/** What the delay before the next attempt depends on. */
export interface FailedTry {
  /** Attempts of this run through the schedule, the failed one included. */
  readonly tries: number
  /** Whether the receiver asks for fewer requests. */
  readonly isThrottled: boolean
  /** Delay that it asked for; undefined when it named none, or none that can be read. */
  readonly retryAfterMs: number | undefined
}

/**
 * Returns the milliseconds until the next attempt; undefined after the last one. A receiver can at most double the delay,
 * otherwise it could postpone a delivery for years.
 */
export function nextDelay(
  { tries, isThrottled, retryAfterMs }: FailedTry,
  { delaysMs, jitter, throttleMs }: RetrySchedule,
  random: () => number,
): number | undefined {
  const scheduled = delaysMs[tries]
  if (scheduled === undefined) return undefined
  const base = isThrottled ? Math.max(scheduled, throttleMs) : scheduled
  if (retryAfterMs !== undefined) return Math.round(Math.min(Math.max(retryAfterMs, base), 2 * base))
  const jittered = base * (1 + jitter * (2 * random() - 1))
  // The shortest delay stays the shortest.
  return Math.round(isThrottled && jittered < throttleMs ? throttleMs * (1 + jitter * random()) : jittered)
}

/** Reads a Retry-After header: seconds, or a date. Undefined when it is neither. */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * SECOND, Number.MAX_SAFE_INTEGER)
  // Only the form that RFC 9110 prefers; Date.parse alone would read almost anything.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}
