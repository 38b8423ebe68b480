import { withDeadline } from '../async/deadline.ts'
import { exponential } from '../model/backoff.ts'
import { decide, type AskBackoff, type Decision, type Ending } from '../model/decide.ts'
import { RetryError, UnrecoverableError } from '../model/errors.ts'
import { deadLetterOf, eventJob, retryOf, settlementOf, toJob, type HeldLease } from './held-lease.ts'
import type { LeaseTable, OnSettled, Settled } from './lease-table.ts'

// Ends the leases of jobs whose run has ended: decides, settles, emits. A run whose lease is lost is void.

/** How long a backoff may take to resolve its delay, in milliseconds. */
const BACKOFF_WITHIN_MS = 5_000

/** Ends the lease of a job whose run has ended. Returns a promise, which never rejects, if its backoff did. */
export function finish(leases: LeaseTable, lease: HeldLease, ending: Ending): Promise<void> | undefined {
  try {
    const { counts } = leases.context
    if (ending.kind === 'zombie') leases.emit({ type: 'zombie', job: eventJob(lease) })
    if (lease.lost) counts.leasesLost++
    else if (ending.kind === 'returned') leases.settle(lease, settlementOf(lease, 'ack'), onCompleted)
    else if (wasInterrupted(lease, ending.error)) {
      counts.released++
      // While its handler is still running a job must not start a second time: its lease is left to expire.
      if (ending.kind === 'zombie') leases.lapse(lease)
      else leases.release(lease)
    } else return finishFailed(leases, lease, ending.error)
  } catch (error) {
    finishUnreadable(leases, lease, error)
  }
  return undefined
}

/** One function for all jobs: the hot path creates no closure. */
const onCompleted: OnSettled = (lease, how, leases) => {
  if (how !== 'stored') return onLate(leases, lease, how)
  const { counts, isListened, emit } = leases.context
  counts.completed++
  if (isListened)
    emit({ type: 'completed', job: eventJob(lease), durationMs: performance.now() - lease.startedAt })
}

/** Counts and reports a settlement that came too late, or of which nothing is known. */
function onLate(leases: LeaseTable, lease: HeldLease, how: Settled): void {
  leases.context.counts.leasesLost++
  leases.emit({ type: how === 'lost' ? 'leaseLost' : 'settleUnknown', job: eventJob(lease) })
}

function finishFailed(leases: LeaseTable, lease: HeldLease, error: Error): Promise<void> | undefined {
  const { backoff, maxAttempts } = leases.settings
  let decision: Decision
  try {
    decision = decideBy(leases, lease, error, (failures) =>
      backoff(failures, error, toJob(lease, maxAttempts)),
    )
  } catch (thrown) {
    decision = decideByDefault(leases, lease, error, thrown)
  }
  if (decision.kind === 'undecided') return finishLater(leases, lease, error, decision)
  carryOut(leases, lease, error, decision)
  return undefined
}

/** Waits for the delay that a backoff promised. The lease is held and renewed in the meantime. */
async function finishLater(
  leases: LeaseTable,
  lease: HeldLease,
  error: Error,
  { delay, decide }: Extract<Decision, { kind: 'undecided' }>,
): Promise<void> {
  const late = (): Error => new Error(`backoff gave no delay within ${BACKOFF_WITHIN_MS} ms`)
  let decision: Decision
  try {
    decision = decide(await withDeadline(Promise.resolve(delay), BACKOFF_WITHIN_MS, late))
  } catch (thrown) {
    decision = decideByDefault(leases, lease, error, thrown)
  }
  try {
    if (lease.lost) leases.context.counts.leasesLost++
    else if (!lease.settling) carryOut(leases, lease, error, decision)
  } catch (thrown) {
    finishUnreadable(leases, lease, thrown)
  }
}

function decideBy({ settings }: LeaseTable, lease: HeldLease, error: Error, backoff: AskBackoff): Decision {
  return decide(failureOf(lease, error), lease.meta, lease.meta.maxAttempts ?? settings.maxAttempts, backoff)
}

/** A backoff of the user that throws costs a report, not the job. */
function decideByDefault(leases: LeaseTable, lease: HeldLease, error: Error, thrown: unknown): Decision {
  leases.report(thrown, 'backoff')
  return decideBy(leases, lease, error, exponential())
}

/** Ends a run whose error or history cannot be read: a fixed text and an empty history stand for them. */
function finishUnreadable(leases: LeaseTable, lease: HeldLease, thrown: unknown): void {
  leases.report(thrown, 'settle')
  if (lease.settling || lease.lost) return
  const error = new Error('The error of the handler cannot be read')
  const described = { ...lease, run: undefined, meta: { ...lease.meta, history: [] } }
  carryOut(leases, lease, error, decideBy(leases, described, error, exponential()), described)
}

/** `described`: the lease as the settlement describes it. */
function carryOut(
  leases: LeaseTable,
  lease: HeldLease,
  error: Error,
  decision: Decision,
  described: HeldLease = lease,
): void {
  if (decision.kind !== 'retry' && decision.kind !== 'deadLetter') return
  const { cause } = decision
  const settlement =
    decision.kind === 'retry'
      ? retryOf(described, cause, error, decision.delayMs, decision.counts)
      : deadLetterOf(described, cause, error, leases.settings)
  leases.settle(lease, settlement, (_lease, how) => {
    if (how !== 'stored') return onLate(leases, lease, how)
    const job = eventJob(lease)
    if (decision.kind === 'deadLetter') return leases.emit({ type: 'deadLettered', job, cause, error })
    leases.context.counts.retried++
    leases.emit({ type: 'retried', job, cause, error, delayMs: decision.delayMs })
  })
}

/** Returns whether a handler threw because the worker stops, and not to retry or give up its job. */
function wasInterrupted(lease: HeldLease, error: Error): boolean {
  return lease.run?.aborted?.code === 'STOPPED' && !isDecision(error)
}

/** Returns why the attempt failed: its timeout, or what the handler threw, often an AbortError after its timeout. */
function failureOf(lease: HeldLease, error: Error): Error {
  const reason = lease.run?.aborted
  return reason?.code === 'HANDLER_TIMEOUT' && !isDecision(error) ? reason : error
}

function isDecision(error: Error): boolean {
  return error instanceof UnrecoverableError || error instanceof RetryError
}
