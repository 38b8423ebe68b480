import type { OnEvent } from '../model/events.ts'
import { exponential } from '../model/backoff.ts'
import { RetryError, UnrecoverableError } from '../model/errors.ts'
import { eventJob, toJob, type HeldLease } from './held-lease.ts'
import type { ConsumerSettings, LeaseTable, OnSettled, Settled } from './lease-table.ts'
import { decide, type AskBackoff, type Decision, type Ending } from '../model/decide.ts'
import { deadLetterOf, retryOf, settlementOf } from './settlement.ts'
import { withDeadline } from '../async/deadline.ts'

/** How long a backoff may take to resolve its delay, in milliseconds. */
const BACKOFF_WITHIN_MS = 5_000

/** What became of the jobs of a worker. */
export interface Counts {
  started: number
  completed: number
  retried: number
  deadLettered: number
  released: number
  leasesLost: number
}

/** Ends the leases of jobs whose run has ended: decides, settles, emits. A run whose lease is lost is void. */
export class Finisher {
  readonly counts: Counts = {
    started: 0,
    completed: 0,
    retried: 0,
    deadLettered: 0,
    released: 0,
    leasesLost: 0,
  }
  readonly #settings: ConsumerSettings
  readonly #emit: OnEvent
  /** One function for all jobs: the hot path creates no closure. */
  readonly #onCompleted: OnSettled

  /** `isListened`: whether the caller listens to events. */
  constructor(settings: ConsumerSettings, emit: OnEvent, isListened: boolean) {
    this.#settings = settings
    this.#emit = emit
    this.#onCompleted = (lease, how) => {
      if (how !== 'stored') return this.#onLate(lease, how)
      this.counts.completed++
      if (isListened)
        emit({ type: 'completed', job: eventJob(lease), durationMs: performance.now() - lease.startedAt })
    }
  }

  /** Ends the lease of a job whose run has ended. Returns a promise, which never rejects, if its backoff did. */
  finish(leases: LeaseTable, lease: HeldLease, ending: Ending): Promise<void> | undefined {
    try {
      return this.#finish(leases, lease, ending)
    } catch (error) {
      this.#finishUnreadable(leases, lease, error)
      return undefined
    }
  }

  #finish(leases: LeaseTable, lease: HeldLease, ending: Ending): Promise<void> | undefined {
    if (ending.kind === 'zombie') this.#emit({ type: 'zombie', job: eventJob(lease) })
    if (lease.lost) {
      this.counts.leasesLost++
      return undefined
    }
    if (ending.kind === 'returned') {
      leases.settle(lease, settlementOf(lease, 'ack'), this.#onCompleted)
      return undefined
    }
    const { error } = ending
    if (wasInterrupted(lease, error)) {
      this.counts.released++
      // While its handler is still running a job must not start a second time: its lease is left to expire.
      if (ending.kind === 'zombie') leases.lapse(lease)
      else leases.release(lease)
      return undefined
    }
    const decision = this.#decide(lease, error)
    if (decision.kind === 'undecided') return this.#finishLater(leases, lease, error, decision)
    this.#carryOut(leases, lease, error, decision)
    return undefined
  }

  /** Waits for the delay that a backoff promised. The lease is held and renewed in the meantime. */
  async #finishLater(
    leases: LeaseTable,
    lease: HeldLease,
    error: Error,
    { delay, decide: decideBy }: Extract<Decision, { kind: 'undecided' }>,
  ): Promise<void> {
    const late = (): Error => new Error(`backoff gave no delay within ${BACKOFF_WITHIN_MS} ms`)
    let decision: Decision
    try {
      decision = decideBy(await withDeadline(Promise.resolve(delay), BACKOFF_WITHIN_MS, late))
    } catch (thrown) {
      decision = this.#withDefaultBackoff(lease, failureOf(lease, error), thrown)
    }
    if (lease.lost) this.counts.leasesLost++
    else if (!lease.settling)
      try {
        this.#carryOut(leases, lease, error, decision)
      } catch (thrown) {
        this.#finishUnreadable(leases, lease, thrown)
      }
  }

  /** Ends a run whose error or history cannot be read: a fixed text and an empty history stand for them. */
  #finishUnreadable(leases: LeaseTable, lease: HeldLease, thrown: unknown): void {
    this.#emit({ type: 'error', error: thrown, during: 'settle' })
    if (lease.settling || lease.lost) return
    const error = new Error('The error of the handler cannot be read')
    const described = { ...lease, meta: { ...lease.meta, history: [] } }
    const decision = decide(error, described.meta, this.#attemptsOf(lease), exponential())
    this.#carryOut(leases, lease, error, decision, described)
  }

  #carryOut(
    leases: LeaseTable,
    lease: HeldLease,
    error: Error,
    decision: Decision,
    described: HeldLease = lease,
  ): void {
    if (decision.kind === 'retry') {
      const { cause, delayMs, counts } = decision
      leases.settle(lease, retryOf(described, cause, error, delayMs, counts), (_lease, how) => {
        if (how !== 'stored') return this.#onLate(lease, how)
        this.counts.retried++
        this.#emit({ type: 'retried', job: eventJob(lease), cause, error, delayMs })
      })
    } else if (decision.kind === 'deadLetter') {
      const { cause } = decision
      leases.settle(lease, deadLetterOf(described, cause, error, this.#settings.consumer), (_lease, how) => {
        if (how !== 'stored') return this.#onLate(lease, how)
        this.#emit({ type: 'deadLettered', job: eventJob(lease), cause, error })
      })
    }
  }

  /** Counts and reports a settlement that came too late, or of which nothing is known. */
  #onLate(lease: HeldLease, how: Settled): void {
    this.counts.leasesLost++
    this.#emit({ type: how === 'lost' ? 'leaseLost' : 'settleUnknown', job: eventJob(lease) })
  }

  #decide(lease: HeldLease, error: Error): Decision {
    const failure = failureOf(lease, error)
    const { backoff, maxAttempts } = this.#settings
    const ask: AskBackoff = (failures) => backoff(failures, error, toJob(lease, maxAttempts))
    try {
      return decide(failure, lease.meta, this.#attemptsOf(lease), ask)
    } catch (thrown) {
      return this.#withDefaultBackoff(lease, failure, thrown)
    }
  }

  /** A backoff of the user that throws costs a report, not the job. */
  #withDefaultBackoff(lease: HeldLease, failure: Error | undefined, thrown: unknown): Decision {
    this.#emit({ type: 'error', error: thrown, during: 'backoff' })
    return decide(failure, lease.meta, this.#attemptsOf(lease), exponential())
  }

  #attemptsOf(lease: HeldLease): number {
    return lease.meta.maxAttempts ?? this.#settings.maxAttempts
  }
}

/** Returns whether a handler threw because the worker stops, and not to retry or give up its job. */
function wasInterrupted(lease: HeldLease, error: Error): boolean {
  return lease.run?.aborted?.code === 'STOPPED' && !isDecision(error)
}

/** Returns why the attempt failed: its timeout, or what the handler threw, often an AbortError after its timeout. */
function failureOf(lease: HeldLease, error: Error): Error | undefined {
  const reason = lease.run?.aborted
  return reason?.code === 'HANDLER_TIMEOUT' && !isDecision(error) ? reason : error
}

function isDecision(error: Error): boolean {
  return error instanceof UnrecoverableError || error instanceof RetryError
}
