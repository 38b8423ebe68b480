import { NETWORK_FAILURES, type ReceiverResponse } from './receiver-response.ts'
import { nextDelay, parseRetryAfter, type RetrySchedule } from './retry-schedule.ts'

/** Why an attempt failed. */
export const ATTEMPT_FAILURES = [...NETWORK_FAILURES, 'http_status', 'redirect', 'gone'] as const
export type AttemptFailure = (typeof ATTEMPT_FAILURES)[number]

/** What follows from a response. */
export type DeliveryDecision =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'failed'
      readonly error: AttemptFailure
      /** Milliseconds until the next attempt; undefined after the last one. */
      readonly delayMs: number | undefined
      /** How long nothing is to be sent to the endpoint, in milliseconds. */
      readonly pauseMs: number
      /** Whether the receiver wants no more webhooks. */
      readonly isGone: boolean
    }

/** What {@link decide} needs besides the response. */
export interface DecisionContext {
  /** Attempts of this run through the schedule, this one included. */
  readonly tries: number
  readonly schedule: RetrySchedule
  readonly now: Date
  /** From 0 to 1. */
  readonly random: () => number
}

const GONE = 410
const TOO_MANY = 429
const UNAVAILABLE = 503
/** Statuses of a receiver that is overloaded. */
const THROTTLES: ReadonlySet<number> = new Set([TOO_MANY, 502, UNAVAILABLE, 504])

/** Decides what becomes of a delivery after an attempt. Pure: no clock, no database. */
export function decide(response: ReceiverResponse, context: DecisionContext): DeliveryDecision {
  const { kind, code = 0 } = response
  if (kind === 'answered' && code >= 200 && code < 300) return { kind: 'delivered' }
  const error = errorOf(response)
  if (error === 'gone') return { kind: 'failed', error, delayMs: undefined, pauseMs: 0, isGone: true }
  const { tries, schedule, random } = context
  const isThrottled = error === 'timeout' || THROTTLES.has(code)
  const retryAfterMs = requestedDelay(response, context.now)
  return {
    kind: 'failed',
    error,
    delayMs: nextDelay({ tries, isThrottled, retryAfterMs }, schedule, random),
    pauseMs: pauseAfter(response, retryAfterMs, schedule),
    isGone: false,
  }
}

/** Reads the delay of a response that may ask for one. */
function requestedDelay(response: ReceiverResponse, now: Date): number | undefined {
  const { kind, code } = response
  if (kind === 'unanswered' || !(code === TOO_MANY || code === UNAVAILABLE)) return undefined
  return parseRetryAfter(response.retryAfter, now)
}

/** "Too many requests" is about all of them. */
function pauseAfter(
  { code }: ReceiverResponse,
  retryAfterMs: number | undefined,
  { throttleMs }: RetrySchedule,
): number {
  if (code !== TOO_MANY && retryAfterMs === undefined) return 0
  return Math.min(retryAfterMs ?? throttleMs, 2 * throttleMs)
}

function errorOf(response: ReceiverResponse): AttemptFailure {
  if (response.kind === 'unanswered') return response.error
  if (response.code === GONE) return 'gone'
  return response.code >= 300 && response.code < 400 ? 'redirect' : 'http_status'
}
