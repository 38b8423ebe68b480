import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { withDeadline } from '@titan/queue-core/async'
import { isDatabaseOutage } from '@titan/service'
import type { Claim, ClaimAnswer, Settlement } from '../domain/claim.ts'
import { decide, type WorkOutcome } from '../domain/decision.ts'
import { PaymentsError } from '../domain/errors.ts'
import type { OnPaymentsEvent } from '../domain/events.ts'
import { reasonOf } from '../domain/evidence.ts'
import { resolveRetryPolicy, type RetryPolicy } from '../domain/retry-policy.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { gatewaysOf, type Gateways } from '../gateways/gateways.ts'
import type { PaymentStore } from '../store/store.ts'
import { Admissions, deferralDelay, type Entered } from './admission.ts'
import { askBeforeCharge, type BeforeCharge } from './before-charge.ts'
import { holdLease } from './fence.ts'
import { keepRoutes, type ReadRoutes } from './routes.ts'
import { work } from './work.ts'
import { writeResult } from './write-result.ts'

export interface PaymentHandlerOptions {
  readonly store: PaymentStore
  /** The only gateway. Either this or `gateways`. */
  readonly gateway?: Gateway | undefined
  /** Several gateways; each payment is read before its claim, to choose one. */
  readonly gateways?: Gateways | undefined
  /** Reads the rules that choose among several. @default those of the store, kept for two seconds */
  readonly readRoutes?: ReadRoutes | undefined
  /** Payments in flight at most, of which several gateways share the slots. @default no limit */
  readonly concurrency?: number | undefined
  /** Asked before the first possible send of each attempt of a charge, within `gatewayTimeoutMs`. @default every charge is sent */
  readonly beforeCharge?: BeforeCharge | undefined
  /** Shown as the actor of events and the owner of leases. @default 'worker' */
  readonly worker?: string | undefined
  /** Longest call to the gateway, in milliseconds. @default 10000 */
  readonly gatewayTimeoutMs?: number | undefined
  /** Length of a lease in milliseconds, at least `gatewayTimeoutMs` and two seconds more. @default 15000 */
  readonly leaseMs?: number | undefined
  /**
   * Longest work on a payment after the gateway admitted it, in milliseconds. Every step has its own limit; this one
   * is above all of them together: a charge and an inquiry may follow each other. @default leaseMs + gatewayTimeoutMs + 120000
   */
  readonly giveUpAfterMs?: number | undefined
  /**
   * Returns the signal that aborts when jobs that still wait for this gateway go back to the queue: the worker stops, or
   * cannot work while others may. @default they wait until their own signal aborts
   */
  readonly returning?: ((gateway: string) => AbortSignal) | undefined
  /** @default DEFAULT_RETRY_POLICY */
  readonly policy?: Partial<RetryPolicy> | undefined
  /** @default none */
  readonly onEvent?: OnPaymentsEvent | undefined
  /** Source of jitter. @default Math.random */
  readonly random?: (() => number) | undefined
  /** Monotonic clock, in milliseconds. @default performance.now */
  readonly now?: (() => number) | undefined
}

interface PaymentJob {
  readonly id: string
  readonly data: { readonly payment_id: string }
}

interface PaymentJobContext {
  readonly signal: AbortSignal
  readonly deliveryCount?: number | undefined
}

type Skipped = Extract<ClaimAnswer, { kind: 'skipped' }>

/** Time a lease must have left beyond the longest gateway call: for the claim's own way and the settlement's. */
const LEASE_MARGIN_MS = 2_000
/** More than all statements on a payment take when each one ends at its limit. */
const GIVE_UP_MARGIN_MS = 120_000
/**
 * Bounds of the delay of a job that met an outage of PostgreSQL, in milliseconds. It grows with the outage, because in some, such
 * as a full disk, a worker continues to claim.
 */
const MIN_OUTAGE_MS = 100
const MAX_OUTAGE_MS = 2_000
/** A job that comes this much too early waits for its payment; one that comes earlier yet leaves it to the reconciler. */
const EARLY_MS = 60_000

export type PaymentHandler = ReturnType<typeof createPaymentHandler>

/**
 * Creates the handler of the `pay` job, for queue-core's `createWorker`. It claims the payment, talks to the gateway and
 * writes the result: three steps, no transaction open in between. A job whose payment cannot be claimed has nothing to do
 * and is acked: whatever is due is found by state.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS`
 */
export function createPaymentHandler(options: PaymentHandlerOptions) {
  const handler = new Handler(resolveOptions(options))
  return Object.assign((job: PaymentJob, context: PaymentJobContext) => handler.handle(job, context), {
    /** Whether the work on a payment hangs: it was given up, and has not ended. */
    isStuck: () => handler.stuck > 0,
  })
}

function resolveOptions(options: PaymentHandlerOptions) {
  const { store, beforeCharge, worker = 'worker', onEvent = () => {} } = options
  const { gateway, gateways = gatewaysOf(gateway === undefined ? [] : [gateway]) } = options
  const { leaseMs = 15_000, gatewayTimeoutMs = 10_000, random = Math.random } = options
  const { giveUpAfterMs = leaseMs + gatewayTimeoutMs + GIVE_UP_MARGIN_MS } = options
  const { now = () => performance.now() } = options
  if (leaseMs < gatewayTimeoutMs + LEASE_MARGIN_MS)
    throw new PaymentsError(
      'INVALID_OPTIONS',
      `leaseMs (${leaseMs}) must be at least gatewayTimeoutMs (${gatewayTimeoutMs}) + ${LEASE_MARGIN_MS}: a lease must outlive the call it covers`,
    )
  const policy = resolveRetryPolicy(options.policy)
  const times = { leaseMs, gatewayTimeoutMs, giveUpAfterMs }
  const { concurrency, returning, readRoutes = keepRoutes(store.routes) } = options
  const { findPlace, attempts } = store
  const choice = { gateways, readRoutes, concurrency, returning, onEvent, random, findPlace, attempts }
  const admissions = new Admissions(choice)
  return { store, gateways, admissions, beforeCharge, worker, onEvent, random, now, policy, ...times }
}

class Handler {
  /** How many payments were given up whose work has not ended. */
  stuck = 0
  /** When the outage of PostgreSQL began; undefined without one. */
  #awaySince: number | undefined
  readonly #options: ReturnType<typeof resolveOptions>

  constructor(options: ReturnType<typeof resolveOptions>) {
    this.#options = options
  }

  /** What is given up changes nothing any more when it ends late: its lease is over, and its fence is too. */
  async handle(job: PaymentJob, context: PaymentJobContext): Promise<void> {
    const paymentId = paymentIdOf(job)
    const entered = await this.#whileReachable(this.#options.admissions.enter(paymentId, context.signal))
    const paying = this.#pay(paymentId, entered, context)
    const { giveUpAfterMs } = this.#options
    return withDeadline(paying, giveUpAfterMs, () => {
      const release = (): number => this.stuck--
      this.stuck++
      paying.then(release, release)
      return new Error(`the work on the payment has not ended within ${giveUpAfterMs} ms`)
    })
  }

  /** Returns the job to the queue in an outage of PostgreSQL: another worker may reach it, and the job is not at fault. */
  async #whileReachable<Value>(reading: Promise<Value>): Promise<Value> {
    const { now } = this.#options
    try {
      const value = await reading
      this.#awaySince = undefined
      return value
    } catch (error) {
      if (!isDatabaseOutage(error)) throw error
      this.#awaySince ??= now()
      const delayMs = Math.min(MAX_OUTAGE_MS, Math.max(MIN_OUTAGE_MS, now() - this.#awaySince))
      throw new RetryError(reasonOf(error), { delayMs, countsAsAttempt: false, cause: error })
    }
  }

  async #pay(
    paymentId: string,
    entered: Entered,
    { signal, deliveryCount = 1 }: PaymentJobContext,
  ): Promise<void> {
    const { store, gateways, policy, worker: actor, random, onEvent, now } = this.#options
    const claimedAt = now()
    const worked = await this.#claimAndWork(paymentId, claimedAt, entered, signal)
    if ('reason' in worked) {
      const left = await this.#leaveGone(paymentId, worked, entered)
      if (left !== undefined) return this.#pay(paymentId, left, { signal, deliveryCount })
      onEvent({ type: 'skipped', paymentId, reason: worked.reason })
      if (isOfOthers(worked.reason)) gateways.refresh?.()
      return skip(worked, deliveryCount, random)
    }
    const { claim, outcome } = worked
    if ('fault' in outcome && outcome.fault === 'config') {
      const error = new PaymentsError('GATEWAY_CONFIG', outcome.reason)
      onEvent({ type: 'error', source: 'gateway', error })
    }
    if (outcome.type === 'UNCHECKED')
      onEvent({ type: 'error', source: 'before_charge', error: new Error(outcome.reason) })
    const further = await this.#readFurther(claim, outcome, entered)
    const settlement = decide(claim, outcome, { policy, actor, random, ...further })
    const written = await writeResult({ store, policy }, { claim, outcome, settlement })
    if (written === undefined) return onEvent({ type: 'stale', paymentId })
    const { status, event } = written
    const durationMs = now() - claimedAt
    const sinceAcceptedMs = claim.ageMs + durationMs
    onEvent({ type: 'settled', paymentId, status, event, durationMs, sinceAcceptedMs })
    finish(written)
  }

  /** With one gateway, nothing is read before the claim: a claim that is refused for long shows that another one is gone. */
  async #leaveGone(paymentId: string, { reason }: Skipped, entered: Entered): Promise<Entered | undefined> {
    if (reason !== 'other_gateway' || entered.elsewhere !== undefined) return undefined
    return this.#whileReachable(this.#options.admissions.leaveGone(paymentId))
  }

  async #claimAndWork(
    paymentId: string,
    claimedAt: number,
    { gateway, release }: Entered,
    signal: AbortSignal,
  ): Promise<Skipped | { readonly claim: Claim; readonly outcome: WorkOutcome }> {
    try {
      const answer = await this.#claim(paymentId, gateway)
      if (answer.kind === 'skipped') return answer
      const { claim } = answer
      const outcome = await this.#workUnderLease(claim, claimedAt, gateway, signal)
      return { claim, outcome }
    } finally {
      release()
    }
  }

  #claim(paymentId: string, { name: gateway, mode }: Gateway): Promise<ClaimAnswer> {
    const { store, worker: owner, leaseMs } = this.#options
    return this.#whileReachable(store.claim(paymentId, { owner, leaseMs, gateway, mode }))
  }

  async #workUnderLease(
    claim: Claim,
    claimedAt: number,
    gateway: Gateway,
    signal: AbortSignal,
  ): Promise<WorkOutcome> {
    const { store, policy, beforeCharge, leaseMs, gatewayTimeoutMs: timeoutMs, now, onEvent } = this.#options
    if (claim.takeovers > policy.maxTakeovers)
      return { type: 'UNRESOLVABLE', reason: `${claim.takeovers} workers lost this attempt` }
    const onError = (error: unknown): void => onEvent({ type: 'error', source: 'lease', error })
    const lease = holdLease({ store, claim, leaseMs, claimedAt, now, onError })
    const signals = [signal, lease.signal]
    try {
      const withheld = beforeCharge && (await askBeforeCharge(beforeCharge, claim, { timeoutMs, signals }))
      if (withheld?.type === 'RELEASED') return withheld
      // A slow claim or check has eaten up its own lease; releasing the payment would only repeat that.
      if (lease.remainingMs() < timeoutMs) await lease.extend()
      // The last look before the first byte: the next holder must not find us still sending.
      if (lease.remainingMs() < timeoutMs)
        return { type: 'RELEASED', reason: 'too little of the lease is left' }
      // An attempt before this one may have been charged after all, which may come to light at any time.
      if (claim.attemptNo > 1 && (await store.get(claim.paymentId))?.needsReview === true)
        return { type: 'RELEASED', reason: 'a charge of a closed attempt came to light' }
      const expiresInMs = claim.expiresInMs === null ? null : claim.expiresInMs - (now() - claimedAt)
      return await work(beforeCharge === undefined ? claim : { ...claim, expiresInMs }, {
        gateway,
        timeoutMs,
        signals,
        withheld,
      })
    } finally {
      lease.stop()
    }
  }

  /**
   * Reads what decides about a further attempt, only where it matters. Ages count back from the last attempt, because all times
   * are the database's. What was never sent counts in no cap.
   */
  async #readFurther(claim: Claim, outcome: WorkOutcome, { elsewhere }: Entered) {
    const { store, policy } = this.#options
    const isDeclined = outcome.type === 'DECLINED'
    const directions = isDeclined || outcome.type === 'NOT_SENT' ? elsewhere?.() : undefined
    const mayRepeat = isDeclined && outcome.kind === 'soft' && policy.retrySoftDeclines
    if (claim.attemptNo === 1) return { routing: directions && { ...directions, before: [] } }
    if (directions === undefined && !mayRepeat) return {}
    const attempts = await store.attempts(claim.paymentId)
    const sent = attempts.filter((attempt) => attempt.outcome !== 'NOT_SENT')
    const sentAt = sent.map(({ firstSentAt, createdAt }) => (firstSentAt ?? createdAt).getTime())
    const last = Math.max(...sentAt)
    const before = attempts.filter(({ attemptNo }) => attemptNo < claim.attemptNo)
    return { attemptAgesMs: sentAt.map((at) => last - at), routing: directions && { ...directions, before } }
  }
}

/** What Redis holds may be anything, whatever the type says; the database takes no NUL. */
function paymentIdOf({ data }: PaymentJob): string {
  const { payment_id: id } = (data ?? {}) as { readonly payment_id?: unknown }
  if (typeof id === 'string' && !id.includes('\0')) return id
  throw new UnrecoverableError('the job names no payment')
}

function isOfOthers(reason: Skipped['reason']): boolean {
  return reason === 'other_gateway' || reason === 'other_mode' || reason === 'other_credentials'
}

/** Returns when there is nothing to do; throws when the payment becomes claimable soon and this job may be the only one that knows. */
function skip({ reason, waitMs }: Skipped, deliveryCount: number, random: () => number): void {
  if (reason === 'not_found') throw new UnrecoverableError('there is no such payment')
  // Another worker takes it, perhaps the next one that reads the job.
  if (isOfOthers(reason))
    throw new RetryError(`the payment is for a worker with another gateway: ${reason}`, {
      delayMs: deferralDelay(waitMs, random),
      countsAsAttempt: false,
    })
  // A job delivered again means that its worker died; its lease on the payment ends soon.
  const isOrphan = reason === 'leased' && deliveryCount > 1
  const isEarly = reason === 'not_due' && waitMs <= EARLY_MS
  if (isOrphan || isEarly)
    throw new RetryError(`the payment is ${reason}`, { delayMs: waitMs + 10, countsAsAttempt: false })
}

/** What the queue does with the job; PostgreSQL knows already, so this only makes it sooner. */
function finish(settlement: Settlement): void {
  const { status, review, failureKind, failureCode, waitsFor, delayMs, evidence } = settlement
  // The job that it needs next is made when its wait is over.
  if (waitsFor !== null) return
  const reason = String(evidence['reason'] ?? evidence['code'] ?? status)
  const isUnreachable = failureKind === 'not_sent' && failureCode === 'gateway_unreachable'
  if (review || isUnreachable) throw new UnrecoverableError(reason)
  if (status === 'QUEUED' || status === 'PROCESSING')
    throw new RetryError(reason, { delayMs: delayMs + 5, countsAsAttempt: false })
}
