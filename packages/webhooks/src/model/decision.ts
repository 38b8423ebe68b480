import { NETWORK_FAILURES, type ReceiverResponse } from './receiver-response.ts'

/** Why an attempt failed. */
export const ATTEMPT_FAILURES = [...NETWORK_FAILURES, 'http_status', 'redirect', 'gone'] as const
/** One of {@link ATTEMPT_FAILURES}. */
export type AttemptFailure = (typeof ATTEMPT_FAILURES)[number]

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
  delaysMs: [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR)],
  jitter: 0.2,
  throttleMs: MINUTE,
}

/** What follows from a failed attempt. */
export interface FailureDecision {
  readonly kind: 'failed'
  readonly error: AttemptFailure
  /** Milliseconds until the next attempt; undefined after the last one. */
  readonly delayMs: number | undefined
  /** How long nothing is to be sent to the endpoint, in milliseconds. */
  readonly pauseMs: number
  /** Whether the receiver wants no more webhooks. */
  readonly isGone: boolean
}

/** What follows from a response. */
export type DeliveryDecision = { readonly kind: 'delivered' } | FailureDecision

const GONE = 410
const TOO_MANY = 429
const UNAVAILABLE = 503
/** Statuses of a receiver that is overloaded. */
const THROTTLES: ReadonlySet<number> = new Set([TOO_MANY, 502, UNAVAILABLE, 504])

/**
 * Decides what becomes of a delivery after an attempt. Pure: no clock, no database.
 *
 * @param tries attempts of this run through the schedule, this one included
 */
export function decide(
  response: ReceiverResponse,
  tries: number,
  schedule: RetrySchedule,
  now: Date,
  random: () => number,
): DeliveryDecision {
  const { kind, code = 0 } = response
  if (kind === 'answered' && code >= 200 && code < 300) return { kind: 'delivered' }
  const error = errorOf(response)
  if (error === 'gone') return { kind: 'failed', error, delayMs: undefined, pauseMs: 0, isGone: true }
  const isThrottled = error === 'timeout' || THROTTLES.has(code)
  const mayAsk = kind === 'answered' && (code === TOO_MANY || code === UNAVAILABLE)
  const retryAfterMs = mayAsk ? parseRetryAfter(response.retryAfter, now) : undefined
  return {
    kind: 'failed',
    error,
    delayMs: nextDelay({ tries, isThrottled, retryAfterMs }, schedule, random),
    pauseMs: pauseAfter(code, retryAfterMs, schedule),
    isGone: false,
  }
}

/** "Too many requests" is about all of them. */
function pauseAfter(code: number, retryAfterMs: number | undefined, { throttleMs }: RetrySchedule) {
  if (code !== TOO_MANY && retryAfterMs === undefined) return 0
  return Math.min(retryAfterMs ?? throttleMs, 2 * throttleMs)
}

function errorOf(response: ReceiverResponse): AttemptFailure {
  if (response.kind === 'unanswered') return response.error
  if (response.code === GONE) return 'gone'
  return response.code >= 300 && response.code < 400 ? 'redirect' : 'http_status'
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
) {
  const scheduled = delaysMs[tries]
  if (scheduled === undefined) return undefined
  const base = isThrottled ? Math.max(scheduled, throttleMs) : scheduled
  if (retryAfterMs !== undefined) return Math.round(Math.min(Math.max(retryAfterMs, base), 2 * base))
  const jittered = base * (1 + jitter * (2 * random() - 1))
  // The shortest delay stays the shortest.
  return Math.round(isThrottled && jittered < throttleMs ? throttleMs * (1 + jitter * random()) : jittered)
}

/** Reads a Retry-After header: seconds, or a date. Undefined when it is neither. */
export function parseRetryAfter(header: string | undefined, now: Date) {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * SECOND, Number.MAX_SAFE_INTEGER)
  // Only the form that RFC 9110 prefers; Date.parse alone would read almost anything.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}
