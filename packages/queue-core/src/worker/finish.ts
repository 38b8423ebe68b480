import type { OnEvent } from '../model/events.ts'
import { exponential } from '../model/backoff.ts'
import { RetryError, UnrecoverableError } from '../model/errors.ts'
import { eventJob, type Held } from './held-lease.ts'
import type { FailureCause } from '../model/job.ts'
import { toJob, type Lane, type Settled } from './lease-table.ts'
import { priorityOf } from '../model/levels.ts'
import type { ResolvedWorker } from '../model/options.ts'
import { decide, type AskBackoff, type Decision, type Ending } from '../model/decide.ts'
import { deadVerdict, retryVerdict, verdict } from './settlement.ts'
import { withDeadline } from '../async/deadline.ts'

/** How long a backoff may take to give its delay, in milliseconds. */
const BACKOFF_WITHIN_MS = 5_000

/** What became of the jobs of a worker. Dead letters are counted by their events: not every one had a run. */
export interface Counts {
  started: number
  completed: number
  retried: number
  deadLettered: number
  released: number
  leasesLost: number
}

/** Ends the lease of a job whose handler has ended; answers a promise, which never rejects, if its backoff did. */
export type SealFate = (lane: Lane, held: Held, ending: Ending) => Promise<void> | undefined

/** Carries out what `decide` says. A run whose lease is lost is void. */
export function createFate(
  settings: ResolvedWorker,
  consumer: string,
  counts: Counts,
  emit: OnEvent,
  listened: boolean,
): SealFate {
  const attemptsOf = (held: Held): number => held.meta.maxAttempts ?? settings.maxAttempts

  /** Counts and tells a verdict that came too late, or of which nothing is known. */
  function tooLate(held: Held, how: Settled): void {
    counts.leasesLost++
    emit({ type: how === 'lost' ? 'leaseLost' : 'settleUnknown', job: eventJob(held) })
  }

  function whenStored(then: () => void): (held: Held, how: Settled) => void {
    return (held, how) => (how === 'stored' ? then() : tooLate(held, how))
  }

  // One function for all jobs: the hot path makes no closure.
  function completed(held: Held, how: Settled): void {
    if (how !== 'stored') return tooLate(held, how)
    counts.completed++
    if (listened)
      emit({ type: 'completed', job: eventJob(held), durationMs: performance.now() - held.startedAt })
  }

  function retry(
    lane: Lane,
    held: Held,
    cause: FailureCause,
    error: Error,
    delayMs: number,
    counted: boolean,
    described = held,
  ): void {
    const stored = whenStored(() => {
      counts.retried++
      emit({ type: 'retried', job: eventJob(held), cause, error, delayMs })
    })
    lane.settle(held, retryVerdict(described, cause, error, delayMs, counted), stored)
  }

  function bury(lane: Lane, held: Held, cause: FailureCause, error: Error, described = held): void {
    const stored = whenStored(() => {
      emit({ type: 'deadLettered', job: eventJob(held), cause, error })
    })
    lane.settle(held, deadVerdict(described, cause, error, consumer), stored)
  }

  /** A backoff of the user's that throws costs a report, not the job. */
  function outcomeOf(held: Held, error: Error): Decision {
    const failure = failureOf(held, error)
    const ask: AskBackoff = (failures) =>
      settings.backoff(failures, error, toJob(held, settings.maxAttempts, priorityOf(held.level)))
    try {
      return decide(failure, held.meta, attemptsOf(held), ask)
    } catch (thrown) {
      return withDefaultBackoff(held, failure, thrown)
    }
  }

  function withDefaultBackoff(held: Held, failure: Error | undefined, thrown: unknown): Decision {
    emit({ type: 'error', error: thrown, during: 'backoff' })
    return decide(failure, held.meta, attemptsOf(held), exponential())
  }

  /** Waits for the delay that a backoff promised. The lease is held and renewed meanwhile. */
  async function sealLater(
    lane: Lane,
    held: Held,
    error: Error,
    { delay, decide: decideBy }: Extract<Decision, { kind: 'undecided' }>,
  ): Promise<void> {
    const late = (): Error => new Error(`backoff gave no delay within ${BACKOFF_WITHIN_MS} ms`)
    let outcome: Decision
    try {
      outcome = decideBy(await withDeadline(Promise.resolve(delay), BACKOFF_WITHIN_MS, late))
    } catch (thrown) {
      outcome = withDefaultBackoff(held, failureOf(held, error), thrown)
    }
    if (held.lost) counts.leasesLost++
    else if (!held.settling) guard(lane, held, () => carryOut(lane, held, error, outcome))
  }

  function carryOut(lane: Lane, held: Held, error: Error, outcome: Decision): void {
    if (outcome.kind === 'retry') retry(lane, held, outcome.cause, error, outcome.delayMs, outcome.counts)
    else if (outcome.kind === 'deadLetter') bury(lane, held, outcome.cause, error)
  }

  function seal(lane: Lane, held: Held, ending: Ending): Promise<void> | undefined {
    if (ending.kind === 'zombie') emit({ type: 'zombie', job: eventJob(held) })
    if (held.lost) {
      counts.leasesLost++
      return undefined
    }
    if (ending.kind === 'returned') {
      lane.settle(held, verdict(held, 'ack'), completed)
      return undefined
    }
    const { error } = ending
    if (wasInterrupted(held, error)) {
      counts.released++
      // A handler that goes on must not meet a second run: its lease is left to lapse.
      if (ending.kind === 'zombie') lane.lapse(held)
      else lane.release(held)
      return undefined
    }
    const outcome = outcomeOf(held, error)
    if (outcome.kind === 'undecided') return sealLater(lane, held, error, outcome)
    carryOut(lane, held, error, outcome)
    return undefined
  }

  /** Ends a run whose error or history cannot be read: a fixed text and an empty history stand for them. */
  function sealUnreadable(lane: Lane, held: Held): void {
    const error = new Error('The error of the handler cannot be read')
    const described = { ...held, meta: { ...held.meta, history: [] } }
    const outcome = decide(error, described.meta, attemptsOf(held), exponential())
    if (outcome.kind === 'retry')
      retry(lane, held, outcome.cause, error, outcome.delayMs, outcome.counts, described)
    else bury(lane, held, 'handler_error', error, described)
  }

  function guard<Value>(lane: Lane, held: Held, act: () => Value): Value | undefined {
    try {
      return act()
    } catch (error) {
      emit({ type: 'error', error, during: 'settle' })
      if (!held.settling && !held.lost) sealUnreadable(lane, held)
      return undefined
    }
  }

  return (lane, held, ending) => guard(lane, held, () => seal(lane, held, ending))
}

/** Whether a handler threw since the worker stops, and not with a verdict of its own. */
function wasInterrupted(held: Held, error: Error): boolean {
  return held.run?.aborted?.code === 'STOPPED' && !isVerdict(error)
}

/** What the attempt failed of: its timeout, or what the handler threw. */
function failureOf(held: Held, error: Error): Error | undefined {
  return wasTimedOut(held, error) ? held.run?.aborted : error
}

/** Whether a handler threw since its time was over: often an AbortError of what it waited for, not our reason. */
function wasTimedOut(held: Held, error: Error): boolean {
  return held.run?.aborted?.code === 'HANDLER_TIMEOUT' && !isVerdict(error)
}

function isVerdict(error: Error): boolean {
  return error instanceof UnrecoverableError || error instanceof RetryError
}
