import { exponential, fixed } from './backoff.ts'
import { EngineError, RetryError, UnrecoverableError } from './errors.ts'
import { textOf } from './text-of.ts'
import type { FailureCause, Meta } from './job.ts'

/** How a run of a handler ended. */
export type Ending =
  | { readonly kind: 'returned' }
  | { readonly kind: 'threw'; readonly error: Error }
  /** The handler did not end although its signal was aborted. */
  | { readonly kind: 'zombie'; readonly error: Error }

/** What becomes of a job after its handler. */
export type Outcome =
  | { readonly kind: 'ack' }
  | {
      readonly kind: 'retry'
      readonly delayMs: number
      readonly cause: FailureCause
      readonly counts: boolean
    }
  | { readonly kind: 'deadLetter'; readonly cause: FailureCause }

/** An outcome, or what makes it from the delay that a backoff promised. */
export type Decision = Outcome | Undecided

interface Undecided {
  readonly kind: 'undecided'
  readonly delay: PromiseLike<unknown>
  readonly decide: (delayMs: unknown) => Outcome
}

/** Asks a custom backoff, by the number of failures. */
export type AskBackoff = (failures: number) => unknown

/**
 * Decides what becomes of a job whose handler threw `failure` (undefined: it returned). Pure: no clock, no Redis.
 * The worker carries the decision out; nothing else decides the fate of a job that ran.
 */
export function decide(
  failure: Error | undefined,
  meta: Meta,
  maxAttempts: number,
  backoff: AskBackoff,
): Decision {
  if (failure === undefined) return { kind: 'ack' }
  if (failure instanceof UnrecoverableError) return { kind: 'deadLetter', cause: 'unrecoverable' }
  if (failure instanceof EngineError && failure.code === 'INVALID_PAYLOAD')
    return { kind: 'deadLetter', cause: 'invalid_payload' }
  const cause = causeOf(failure)
  const counts = !(failure instanceof RetryError) || failure.countsAsAttempt
  const failures = (meta.failures ?? 0) + (counts ? 1 : 0)
  if (failures >= maxAttempts && counts) return { kind: 'deadLetter', cause }
  const retryIn = (delayMs: number): Outcome => {
    return { kind: 'retry', delayMs: soundDelay(delayMs, failures), cause, counts }
  }
  if (failure instanceof RetryError) return retryIn(failure.delayMs)
  const asked = backoffOf(meta, backoff)(failures)
  const decideBy = (delayMs: unknown): Outcome => {
    const given = checkDelay(delayMs)
    // A backoff that returns a negative delay wants no further attempt.
    return given < 0 ? { kind: 'deadLetter', cause } : retryIn(given)
  }
  return isThenable(asked) ? { kind: 'undecided', delay: asked, decide: decideBy } : decideBy(asked)
}

/** @throws TypeError when a backoff answered something else */
function checkDelay(delayMs: unknown): number {
  if (typeof delayMs === 'number' && !Number.isNaN(delayMs)) return delayMs
  throw new TypeError(`backoff must return milliseconds or a promise of them, got ${textOf(delayMs)}`)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Longest delay of a retry, in milliseconds: ten years. */
const LONGEST_DELAY_MS = 10 * 365 * 86_400_000

/** Redis takes no delay that is not a number; the job must not pay for it. */
function soundDelay(asked: unknown, failures: number): number {
  const number = Number(asked)
  const delayMs = Number.isNaN(number) ? exponential()(Math.max(1, failures)) : number
  return Math.min(LONGEST_DELAY_MS, Math.max(0, Math.round(delayMs)))
}

/** A job without a handler may be of a newer version: it is tried again, so that another worker gets its chance. */
function causeOf(failure: Error): FailureCause {
  if (!(failure instanceof EngineError)) return 'handler_error'
  if (failure.code === 'HANDLER_TIMEOUT') return 'timeout'
  return failure.code === 'UNKNOWN_JOB' ? 'unknown_job' : 'handler_error'
}

function backoffOf(meta: Meta, fallback: AskBackoff): AskBackoff {
  if (meta.backoff === undefined) return fallback
  const { type, delayMs, maxMs } = meta.backoff
  if (type === 'fixed') return fixed(delayMs)
  return exponential({ baseMs: delayMs, maxMs })
}
