import { checkAtLeast, checkMembers, invalidOptions } from './errors.ts'
import type { Job } from './job.ts'
import type { Members } from './members.ts'

/**
 * Milliseconds to wait before the next attempt.
 * `failures` is the number of failed attempts so far, at least 1.
 */
export type Backoff = (failures: number) => number

/**
 * Milliseconds to wait before the next attempt, by the number of failed attempts, the last error and the job. It may
 * return a promise, of 5 s at most; the lease is renewed meanwhile. A negative number: no further attempt, the job is a
 * dead letter. A strategy that throws or returns no number is reported, and the default backoff is used.
 */
export type BackoffStrategy = (failures: number, error: Error, job: Job) => number | Promise<number>

/** Options of {@link exponential}. */
export interface ExponentialOptions {
  /** Delay after the first failure, in milliseconds. @default 1000 */
  readonly baseMs?: number | undefined
  /** Upper bound of the delay, in milliseconds. @default 60000 */
  readonly maxMs?: number | undefined
  /** Share of the delay that is random, 0 (none) to 1 (anything from 0 to the delay). @default 0.5 */
  readonly jitter?: number | undefined
  /** Source of randomness in [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined
}

const EXPONENTIAL: Members<ExponentialOptions> = { baseMs: true, maxMs: true, jitter: true, random: true }

/** A delay that doubles with each failure up to a bound, with jitter so that failures do not come back together. @throws {QueueError} `INVALID_OPTIONS` */
export function exponential(options: ExponentialOptions = {}): Backoff {
  checkMembers('exponential', options, EXPONENTIAL)
  const { baseMs = 1_000, maxMs = 60_000, jitter = 0.5, random = Math.random } = options
  checkAtLeast('baseMs', baseMs, 0)
  checkAtLeast('maxMs', maxMs, 0)
  if (checkAtLeast('jitter', jitter, 0) > 1) throw invalidOptions(`jitter must be at most 1, got ${jitter}`)
  return (failures) => {
    const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 52))
    return Math.round(full * (1 - jitter * random()))
  }
}

/** The same delay after every failure, in milliseconds. @throws {QueueError} `INVALID_OPTIONS` */
export function fixed(delayMs: number): Backoff {
  checkAtLeast('delayMs', delayMs, 0)
  return () => delayMs
}
