import type { Answer, NetworkFailure } from './answer.ts'
import { nextDelay, parseRetryAfter, type RetrySchedule } from './retry-schedule.ts'

/** Why an attempt did not count. */
export type AttemptFailure = NetworkFailure | 'http_status' | 'redirect' | 'gone'

/** What follows from an answer. */
export type Verdict =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'failed'
      readonly error: AttemptFailure
      /** Milliseconds until the next attempt; undefined when there is none. */
      readonly delayMs: number | undefined
      /** How long nothing at all is to be sent to the endpoint, in milliseconds. */
      readonly pauseMs: number
      /** The receiver wants no webhooks any more. */
      readonly isGone: boolean
    }

/** What {@link decide} needs beside the answer. */
export interface VerdictContext {
  /** Attempts of this run through the schedule, this one included. */
  readonly tries: number
  readonly schedule: RetrySchedule
  readonly now: Date
  /** From 0 to 1. */
  readonly random: () => number
}

/** Answers that mean: too much, or too busy. */
const THROTTLES: ReadonlySet<number> = new Set([429, 502, 503, 504])
const GONE = 410
const TOO_MANY = 429
const UNAVAILABLE = 503

/** Decides what becomes of a delivery after an attempt. Pure: no clock, no database. */
export function decide(answer: Answer, context: VerdictContext): Verdict {
  if (answer.kind === 'answered' && answer.code >= 200 && answer.code < 300) return { kind: 'delivered' }
  const error = errorOf(answer)
  if (error === 'gone') return { kind: 'failed', error, delayMs: undefined, pauseMs: 0, isGone: true }
  const { tries, schedule, random } = context
  const isThrottled = error === 'timeout' || THROTTLES.has(answer.code ?? 0)
  const retryAfterMs = askedFor(answer, context.now)
  return {
    kind: 'failed',
    error,
    delayMs: nextDelay({ tries, isThrottled, retryAfterMs }, schedule, random),
    pauseMs: pauseAfter(answer, retryAfterMs, schedule),
    isGone: false,
  }
}

/** Only an answer that says "later" may say when. */
function askedFor(answer: Answer, now: Date): number | undefined {
  if (answer.kind === 'unanswered' || !(answer.code === TOO_MANY || answer.code === UNAVAILABLE))
    return undefined
  return parseRetryAfter(answer.retryAfter, now)
}

/** "Too many requests" is about all of them. */
function pauseAfter(answer: Answer, retryAfterMs: number | undefined, { throttleMs }: RetrySchedule): number {
  if (answer.code !== TOO_MANY && retryAfterMs === undefined) return 0
  return Math.min(retryAfterMs ?? throttleMs, 2 * throttleMs)
}

function errorOf(answer: Answer): AttemptFailure {
  if (answer.kind === 'unanswered') return answer.error
  if (answer.code === GONE) return 'gone'
  return answer.code >= 300 && answer.code < 400 ? 'redirect' : 'http_status'
}
