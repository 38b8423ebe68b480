import { codeOf } from '@titan/queue-core/text-of'
import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { applyOutcome } from './apply-outcome.ts'
import type { Claim, ClaimAnswer } from '../domain/claim.ts'
import { recordContradiction } from '../domain/contradiction.ts'
import { contest, decide, park, type DecisionContext, type WorkOutcome } from '../domain/decision.ts'
import { PaymentsError } from '../domain/errors.ts'
import type { OnPaymentsEvent } from '../domain/events.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { Admission, Gateway } from '../gateways/gateway.ts'
import { holdLease } from './fence.ts'
import type { Payment } from '../domain/payment.ts'
import { resolveRetryPolicy, type Random, type RetryPolicy } from '../domain/retry-policy.ts'
import type { Settlement } from '../domain/settlement.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'
import { work } from './work.ts'

/** Options of {@link createPaymentHandler}. */
export interface PaymentHandlerOptions {
  readonly store: PaymentStore
  readonly gateway: Gateway
  /** Shown as the actor of events and the owner of leases. @default 'worker' */
  readonly worker?: string
  /** Longest call to the gateway, in milliseconds. @default 10000 */
  readonly gatewayTimeoutMs?: number
  /** Length of a lease in milliseconds, at least `gatewayTimeoutMs` and two seconds more. @default 15000 */
  readonly leaseMs?: number
  /**
   * Longest work on a payment after the gateway admitted it, in milliseconds. Every step has a limit of its own; this one
   * is above all of them together: a charge and an inquiry may follow each other. @default leaseMs + gatewayTimeoutMs + 120000
   */
  readonly giveUpAfterMs?: number
  /** Aborts when the worker begins to stop: jobs that still wait for the gateway go back to the queue. @default they wait until their own signal aborts */
  readonly stopping?: AbortSignal
  /** @default DEFAULT_RETRY_POLICY */
  readonly policy?: Partial<RetryPolicy>
  /** @default none */
  readonly onEvent?: OnPaymentsEvent
  /** Source of jitter. @default Math.random */
  readonly random?: Random
  /** Monotonic clock, in milliseconds. @default performance.now */
  readonly now?: () => number
}

/** The handler of the `pay` job, as queue-core's `createWorker` takes it. */
export interface PaymentHandler {
  (job: PaymentJob, context: PaymentJobContext): Promise<void>
  /** Whether the work on a payment hangs: it was given up, and has not ended. */
  isStuck(): boolean
}

interface PaymentJob {
  readonly id: string
  readonly data: { readonly payment_id: string }
}

interface PaymentJobContext {
  readonly signal: AbortSignal
  readonly deliveryCount?: number
}

/** Time a lease must have left beyond the longest gateway call: for the claim's own way and the settlement's. */
const LEASE_MARGIN_MS = 2_000
/** More than all statements on a payment take when each one ends at its limit. */
const GIVE_UP_MARGIN_MS = 120_000
/** A job that comes this much too early waits for its payment; one that comes earlier yet leaves it to the reconciler. */
const EARLY_MS = 60_000

/**
 * Claims the payment, talks to the gateway, writes the result: three steps, no transaction open in between.
 * A job whose payment cannot be claimed has nothing to do and is acked: whatever is due is found by state.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS`
 */
export function createPaymentHandler(options: PaymentHandlerOptions): PaymentHandler {
  const { store, gateway, worker = 'worker', gatewayTimeoutMs = 10_000, leaseMs = 15_000 } = options
  const { stopping, giveUpAfterMs = leaseMs + gatewayTimeoutMs + GIVE_UP_MARGIN_MS } = options
  const { onEvent = () => {}, random = Math.random, now = () => performance.now() } = options
  const policy = resolveRetryPolicy(options.policy)
  if (leaseMs < gatewayTimeoutMs + LEASE_MARGIN_MS)
    throw new PaymentsError(
      'INVALID_OPTIONS',
      `leaseMs (${leaseMs}) must be at least gatewayTimeoutMs (${gatewayTimeoutMs}) + ${LEASE_MARGIN_MS}: a lease must outlive the call it covers`,
    )
  const claimOptions = { owner: worker, leaseMs, gateway: gateway.name }
  /** How many payments were given up whose work has not ended. */
  let stuck = 0

  /** What is given up changes nothing any more when it ends late: its lease is over, and its fence is too. */
  function handle(job: PaymentJob, context: PaymentJobContext): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let timer: NodeJS.Timeout | undefined
    let isGivenUp = false
    function onAdmitted(): void {
      timer = setTimeout(() => {
        isGivenUp = true
        stuck++
        reject(new Error(`the work on the payment has not ended within ${giveUpAfterMs} ms`))
      }, giveUpAfterMs)
    }
    pay(job, context, onAdmitted)
      .finally(() => {
        clearTimeout(timer)
        if (isGivenUp) stuck--
      })
      .then(resolve, reject)
    return promise
  }

  async function pay(job: PaymentJob, context: PaymentJobContext, onAdmitted: () => void): Promise<void> {
    // What Redis holds may be anything, whatever the type says; the database takes no NUL.
    const { payment_id: paymentId } = (job.data ?? {}) as { readonly payment_id?: unknown }
    if (typeof paymentId !== 'string' || paymentId.includes('\0'))
      throw new UnrecoverableError('the job names no payment')
    const worked = await claimAndWork(paymentId, context.signal, onAdmitted)
    if ('reason' in worked) {
      onEvent({ type: 'skipped', paymentId, reason: worked.reason })
      return skip(worked, context.deliveryCount ?? 1)
    }
    const { claim, claimedAt, outcome } = worked
    if ('fault' in outcome && outcome.fault === 'config')
      onEvent({
        type: 'error',
        source: 'gateway',
        error: new PaymentsError('GATEWAY_CONFIG', outcome.reason),
      })
    const attemptAgesMs = await agesFor(claim, outcome)
    const settlement = decide(claim, outcome, { policy, actor: worker, random, ...attemptAgesMs })
    const written = await write({ store, policy }, settlement, claim, outcome)
    if (written === undefined) return onEvent({ type: 'stale', paymentId })
    const { status, event } = written
    const durationMs = now() - claimedAt
    onEvent({
      type: 'settled',
      paymentId,
      status,
      event,
      durationMs,
      sinceAcceptedMs: claim.ageMs + durationMs,
    })
    finish(written)
  }

  /** Asked for only where they matter. Counted back from the last attempt: all times are the database's. */
  async function agesFor(
    claim: Claim,
    outcome: WorkOutcome,
  ): Promise<Pick<DecisionContext, 'attemptAgesMs'>> {
    const matters = outcome.type === 'DECLINED' && outcome.kind === 'soft' && policy.retrySoftDeclines
    if (!matters || claim.attemptNo === 1) return {}
    const sentAt = (await store.attempts(claim.paymentId)).map((attempt) =>
      (attempt.firstSentAt ?? attempt.createdAt).getTime(),
    )
    const last = Math.max(...sentAt)
    return { attemptAgesMs: sentAt.map((at) => last - at) }
  }

  async function claimAndWork(
    paymentId: string,
    stopSignal: AbortSignal,
    onAdmitted: () => void,
  ): Promise<Worked | Skipped> {
    // Before the claim: while the gateway is down or busy, payments stay where they are and no lease runs.
    const admission = await admit(stopSignal)
    onAdmitted()
    try {
      const claimedAt = now()
      const answer = await store.claim(paymentId, claimOptions)
      if (answer.kind === 'skipped') return answer
      const { claim } = answer
      const outcome = await workUnderLease(claim, claimedAt, admission?.gateway ?? gateway, stopSignal)
      return { claim, claimedAt, outcome }
    } finally {
      admission?.release()
    }
  }

  async function admit(stopSignal: AbortSignal): Promise<Admission | undefined> {
    if (gateway.admit === undefined) return undefined
    const signal = stopping === undefined ? stopSignal : AbortSignal.any([stopSignal, stopping])
    try {
      return await gateway.admit({ signal })
    } catch (error) {
      if (stopping?.aborted !== true) throw error
      throw new RetryError('the worker stops', { delayMs: 0, countsAsAttempt: false, cause: error })
    }
  }

  async function workUnderLease(
    claim: Claim,
    claimedAt: number,
    admitted: Gateway,
    stopSignal: AbortSignal,
  ): Promise<WorkOutcome> {
    if (claim.takeovers > policy.maxTakeovers)
      return { type: 'UNRESOLVABLE', reason: `${claim.takeovers} workers lost this attempt` }
    const onError = (error: unknown): void => onEvent({ type: 'error', source: 'lease', error })
    const lease = holdLease({ store, claim, leaseMs, claimedAt, now, onError })
    try {
      // A slow claim has eaten up its own lease; giving the payment back would only repeat that.
      if (lease.remainingMs() < gatewayTimeoutMs) await lease.extend()
      // The last look before the first byte: whoever takes over must not find us still sending.
      if (lease.remainingMs() < gatewayTimeoutMs)
        return { type: 'RELEASED', reason: 'too little of the lease is left' }
      // An attempt before this one may have been charged after all, which comes to light at any moment.
      if (claim.attemptNo > 1 && (await store.get(claim.paymentId))?.needsReview === true)
        return { type: 'RELEASED', reason: 'a charge of a closed attempt came to light' }
      const signals = [stopSignal, lease.signal]
      return await work(claim, { gateway: admitted, timeoutMs: gatewayTimeoutMs, signals })
    } finally {
      lease.stop()
    }
  }

  return Object.assign(handle, { isStuck: () => stuck > 0 })
}

interface Worked {
  readonly claim: Claim
  readonly claimedAt: number
  readonly outcome: WorkOutcome
}

type Skipped = Extract<ClaimAnswer, { kind: 'skipped' }>

/** Nothing was claimed: done, unless the payment becomes claimable soon and this job may be the only one that knows. */
function skip({ reason, waitMs }: Skipped, deliveryCount: number): void {
  if (reason === 'not_found') throw new UnrecoverableError('there is no such payment')
  // A job delivered again means that its worker died; its lease on the payment ends soon.
  const isOrphan = reason === 'leased' && deliveryCount > 1
  const isEarly = reason === 'not_due' && waitMs <= EARLY_MS
  if (isOrphan || isEarly)
    throw new RetryError(`the payment is ${reason}`, { delayMs: waitMs + 10, countsAsAttempt: false })
}

/** What the queue does with the job; PostgreSQL knows already, so this only makes it sooner. */
function finish({ status, review, failureKind, delayMs, evidence }: Settlement): void {
  const reason = String(evidence['reason'] ?? evidence['code'] ?? status)
  if (review || failureKind === 'not_sent') throw new UnrecoverableError(reason)
  if (status === 'QUEUED' || status === 'PROCESSING')
    throw new RetryError(reason, { delayMs: delayMs + 5, countsAsAttempt: false })
}

/** What a result is written with. */
interface Means {
  readonly store: PaymentStore
  readonly policy: RetryPolicy
}

/** Delays before a failed write is repeated, in milliseconds. */
const WRITE_AGAIN_MS = [50, 200, 500]

/** Writes the result and answers it; undefined when it is somebody else's turn. A COMMIT whose answer was lost counts as written. */
async function write(
  { store, policy }: Means,
  settlement: Settlement,
  claim: Claim,
  outcome: WorkOutcome,
): Promise<Settlement | undefined> {
  const { paymentId, fence, status } = settlement
  const written = await writeOrContest(store, settlement)
  if (written !== undefined) return written
  const payment = await store.get(paymentId)
  // A payment that is over was settled by this very call, whose first answer was lost.
  const isParked = payment?.status === 'PROCESSING' && (payment.needsReview || payment.openCharges > 0)
  if (payment?.fence === fence && isParked && !settlement.review) {
    const parked = park(settlement)
    await withRetries(() => store.settle(parked))
    return parked
  }
  if (payment?.fence === fence && payment.status === status) return settlement
  await withRetries(() => report({ store, policy }, payment, claim, outcome))
  return undefined
}

/** Writes the result, or parks the payment when its charge is of another payment. */
async function writeOrContest(store: PaymentStore, settlement: Settlement): Promise<Settlement | undefined> {
  try {
    return (await withRetries(() => store.settle(settlement))) ? settlement : undefined
  } catch (error) {
    if (!isChargeTaken(error)) throw error
    const contested = contest(settlement)
    return (await withRetries(() => store.settle(contested))) ? contested : undefined
  }
}

/** What was found out too late may still be all that anybody will know. */
async function report(
  { store, policy }: Means,
  payment: Payment | undefined,
  { paymentId, attemptNo, gateway }: Claim,
  outcome: WorkOutcome,
): Promise<void> {
  if (payment === undefined || (outcome.type !== 'SUCCEEDED' && outcome.type !== 'DECLINED')) return
  // Nobody works on a parked payment any more; elsewhere, who holds it finds out for itself.
  if (payment.needsReview && payment.attemptOpen && payment.attemptNo === attemptNo)
    await applyOutcome(
      { paymentId, attemptNo, gateway, outcome, actor: `gateway:${gateway}` },
      { store, policy },
    )
  else if (outcome.type === 'SUCCEEDED')
    // Money moved; the payment may be over without it.
    await recordContradiction(store, { payment, attemptNo, gateway, outcome })
}

/** Writes what may be the only trace of a charge: a statement that fails for a moment is repeated before it is given up. */
async function withRetries<Value>(write: () => Promise<Value>): Promise<Value> {
  for (const delayMs of WRITE_AGAIN_MS) {
    try {
      return await write()
    } catch (error) {
      if (isRefusal(error))
        throw new Error(`the result cannot be written: ${reasonOf(error)}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
  return write()
}

/** A constraint said no: asking again changes nothing. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(codeOf(error))
}
