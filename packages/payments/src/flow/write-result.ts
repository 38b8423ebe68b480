import { codeOf } from '@titan/queue-core/text-of'
import { decide, type WorkOutcome } from '../domain/decision.ts'
import { kindOf } from '../domain/identifiers.ts'
import { gatewayNameOf } from '../domain/accounts/place.ts'
import { contest, park, succeeded } from '../domain/settlement.ts'
import { reasonOf, sanitizeOutcome, sanitizeText } from '../domain/evidence.ts'
import type { Claim, Settlement } from '../domain/claim.ts'
import type { BreakKind, Payment } from '../domain/payment.ts'
import { resolveRetryPolicy, type RetryPolicy } from '../domain/retry-policy.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'
import { adoptCapture, recordFailure } from './reports/movement.ts'

type Store = Pick<
  PaymentStore,
  'breaks' | 'get' | 'seize' | 'settle' | 'recordBreak' | 'recordForeignMovement' | 'recordRefundFailure'
>

interface Result {
  readonly claim: Claim
  readonly outcome: WorkOutcome
  readonly settlement: Settlement
}

interface Means {
  readonly store: Store
  readonly policy: RetryPolicy
}

/**
 * Writes a result and resolves with what was written; undefined when another claim holds the payment. A COMMIT whose
 * answer was lost counts as written.
 */
export async function writeResult(means: Means, result: Result): Promise<Settlement | undefined> {
  const { store, policy } = means
  const { claim, outcome, settlement } = result
  const capture = await adoptCapture(claim, outcome, store)
  // Its own settlement takes the payment to SUCCESS.
  if (capture === 'adopted') return succeeded(settlement)
  if (capture === 'none') return writeSettlement(means, result)
  const { actor } = settlement
  const reason = 'a capture of it is under way'
  const waiting = decide(claim, { type: 'UNKNOWN', reason }, { policy, actor, random: Math.random })
  return (await withRetries(() => store.settle(waiting))) ? waiting : undefined
}

async function writeSettlement(means: Means, result: Result): Promise<Settlement | undefined> {
  const { store } = means
  const { settlement } = result
  const written = await settleOrContest(settlement, (one) => withRetries(() => store.settle(one)))
  if (written !== undefined) return written
  const payment = await store.get(settlement.paymentId)
  if (payment?.fence === settlement.fence) {
    const isParked = payment.status === 'PROCESSING' && (payment.needsReview || payment.openCharges > 0)
    if (isParked && !settlement.review) {
      const parked = park(settlement)
      await withRetries(() => store.settle(parked))
      return parked
    }
    // A payment that is over was settled by this very call, whose first answer was lost.
    if (payment.status === settlement.status) return settlement
  }
  if (payment !== undefined) await withRetries(() => reportStale(means, payment, result))
  return undefined
}

/** Writes the result, or parks the payment when its charge is of another payment. */
async function settleOrContest(
  settlement: Settlement,
  settle: (settlement: Settlement) => Promise<boolean>,
): Promise<Settlement | undefined> {
  try {
    return (await settle(settlement)) ? settlement : undefined
  } catch (error) {
    if (!isChargeTaken(error)) throw error
    const contested = contest(settlement)
    return (await settle(contested)) ? contested : undefined
  }
}

/** Reports an outcome that came too late to settle its payment: it may be all that will ever be known. */
async function reportStale(
  { store, policy }: Means,
  payment: Payment,
  { claim: { paymentId, attemptNo, gateway }, outcome }: Result,
): Promise<void> {
  if (outcome.type !== 'SUCCEEDED' && outcome.type !== 'DECLINED') return
  // No worker holds a parked payment; elsewhere, the holder finds out for itself.
  if (payment.needsReview && payment.attemptOpen && payment.attemptNo === attemptNo) {
    const report = { paymentId, attemptNo, gateway, outcome, actor: `gateway:${gateway}` }
    await applyOutcome(report, { store, policy })
  } else if (outcome.type === 'SUCCEEDED') {
    // Money moved; the payment may be over without it.
    await recordContradiction(store, payment, { attemptNo, gateway, outcome })
  }
}

/** Delays before a failed write is repeated, in milliseconds. */
const RETRY_DELAYS_MS = [50, 200, 500]

/** Repeats a failed write of what may be the only trace of a charge, before it is given up. */
async function withRetries<Value>(write: () => Promise<Value>): Promise<Value> {
  for (const delayMs of RETRY_DELAYS_MS) {
    try {
      return await write()
    } catch (error) {
      // A constraint said no: asking again changes nothing.
      if (/^2[23]/.test(codeOf(error)))
        throw new Error(`the result cannot be written: ${reasonOf(error)}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
  return write()
}

/** What a gateway says about an attempt without being asked: a signed webhook, a line of a settlement file. */
export interface OutcomeReport {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gateway: string
  readonly outcome: ChargeOutcome
  /** Whether a decline is the gateway's last word. @default false: it may be outdated */
  readonly isFinal?: boolean | undefined
  /** Whether it answers what the customer did, so that another action replaces the last one. @default false */
  readonly isCurrent?: boolean | undefined
  /** Shown as the actor of events, such as `webhook:stripe`. */
  readonly actor: string
}

/**
 * `settled`: the payment is decided by it. `ignored`: it says nothing new, or nothing definite. `contradiction`: it says
 * that money moved for a payment that is over without it, which is recorded. `unknown`: there is no such payment.
 */
type OutcomeEffect = 'settled' | 'ignored' | 'contradiction' | 'unknown'

export interface ApplyOutcomeOptions {
  readonly store: Store
  /** @default DEFAULT_RETRY_POLICY */
  readonly policy?: Partial<RetryPolicy> | undefined
}

/**
 * Lets a gateway's own word settle a payment, even while a worker holds it. It takes the same way as a worker's result:
 * a new fence, the same decision, the same compare-and-set. Any number of copies of a report have the effect of one.
 */
export async function applyOutcome(
  report: OutcomeReport,
  options: ApplyOutcomeOptions,
): Promise<OutcomeEffect> {
  const { store } = options
  const { paymentId, attemptNo, gateway } = report
  const outcome = sanitizeOutcome(report.outcome)
  const known = await effectOnRecord(store, { ...report, outcome })
  if (known !== undefined) return known
  const settled = await seizeAndSettle({ ...report, outcome }, options)
  if (settled !== undefined) return settled
  const payment = await store.get(paymentId)
  if (payment === undefined) return 'unknown'
  if (outcome.type === 'DECLINED') return recordDecline(store, payment, { ...report, outcome })
  if (outcome.type !== 'SUCCEEDED') return 'ignored'
  const isContradiction = await recordContradiction(store, payment, { attemptNo, gateway, outcome })
  return isContradiction ? 'contradiction' : 'ignored'
}

/** Returns the effect of a report that is on record already, or not definite; undefined for one that is news. */
async function effectOnRecord(store: Store, report: OutcomeReport): Promise<OutcomeEffect | undefined> {
  const { paymentId, gateway, outcome } = report
  if (outcome.type === 'DECLINED') return undefined
  if (outcome.type === 'SUCCEEDED') {
    // What became of a charge that is on record as a contradiction is decided by an operator; a copy changes nothing.
    const breaks = await store.breaks(paymentId)
    const known = breaks.find((one) => one.gateway === gateway && one.reference === outcome.gatewayRef)
    if (known === undefined) return undefined
    return known.resolvedAt === null ? 'contradiction' : 'ignored'
  }
  if (outcome.type !== 'AUTHORIZED' && outcome.type !== 'REQUIRES_ACTION') return 'ignored'
  const payment = await store.get(paymentId)
  if (payment === undefined) return 'unknown'
  return isNews(payment, report, outcome.type) ? undefined : 'ignored'
}

/**
 * Whether a report that a charge waits is news. Only a definite answer outranks a worker that may get one at any time, so
 * these count when none does: the outcome is unknown, or the customer was waited for.
 */
function isNews(
  payment: Payment,
  { attemptNo, gateway, isCurrent = false }: OutcomeReport,
  type: 'AUTHORIZED' | 'REQUIRES_ACTION',
): boolean {
  const isOpen = payment.attemptOpen && payment.attemptNo === attemptNo && payment.gateway === gateway
  if (!isOpen || (payment.unknownSince === null && payment.waitsFor === null)) return false
  return type === 'AUTHORIZED'
    ? payment.capture === 'manual' && payment.waitsFor !== 'capture'
    : payment.customerPresent && !payment.needsReview && (payment.waitsFor === null || isCurrent)
}

/** How often a report that decides takes a payment that other reports take in between. */
const MAX_SEIZURES = 5

/** Takes the payment for the gateway's word; undefined when the attempt is not open. What decides may be said only once. */
async function seizeAndSettle(
  report: OutcomeReport,
  options: ApplyOutcomeOptions,
): Promise<OutcomeEffect | undefined> {
  const tries = ['SUCCEEDED', 'DECLINED'].includes(report.outcome.type) ? MAX_SEIZURES : 1
  for (let seizures = 0; seizures < tries; seizures++) {
    const effect = await seizeAndSettleOnce(report, options)
    if (effect !== 'taken') return effect
  }
  return undefined
}

/** `taken`: another one took it before the result was written. */
async function seizeAndSettleOnce(
  { paymentId, attemptNo, gateway, actor, outcome, isFinal = false }: OutcomeReport,
  { store, policy }: ApplyOutcomeOptions,
): Promise<OutcomeEffect | 'taken' | undefined> {
  const claim = await store.seize({ paymentId, attemptNo, gateway, actor })
  if (claim === undefined) return undefined
  const context = { policy: resolveRetryPolicy(policy), actor, random: Math.random }
  if (outcome.type === 'DECLINED' && !isFinal && mayBeOutdated(claim)) {
    // A worker asks now, and cancels the charge first where the customer could still pay.
    const reason = `declined: ${outcome.code}`
    await store.settle(decide(claim, { type: 'RELEASED', reason }, context))
    return 'ignored'
  }
  const capture = await adoptCapture(claim, outcome, store)
  if (capture === 'adopted') return 'settled'
  if (capture === 'ours') {
    await store.settle(decide(claim, { type: 'RELEASED', reason: 'a capture of it is under way' }, context))
    return 'ignored'
  }
  const settlement = decide(claim, outcome, context)
  if ((await settleOrContest(settlement, store.settle)) !== undefined) return 'settled'
  // A charge on record takes no retry and no failure.
  return (await store.settle(park(settlement))) ? 'settled' : 'taken'
}

/**
 * Whether a decline that is reported may not be the last word: the customer can try another card, and may have done so
 * before a report of the first one comes.
 */
function mayBeOutdated({ kind, customerPresent, waitsFor }: Claim): boolean {
  return kind === 'charge' && (customerPresent || waitsFor !== null)
}

interface LateSuccess {
  readonly attemptNo: number
  readonly gateway: string
  readonly outcome: Extract<ChargeOutcome, { readonly type: 'SUCCEEDED' }>
}

/** Records a charge that contradicts its payment; resolves with whether it does. The status stays: terminal is final. */
async function recordContradiction(
  store: Store,
  payment: Payment,
  { attemptNo, gateway, outcome }: LateSuccess,
): Promise<boolean> {
  const { gatewayRef: reference, amount, currency } = outcome
  const kind = contradictionOf(payment, { attemptNo, gateway, reference })
  if (kind === undefined) return false
  const detail = { amount, currency: sanitizeText(currency), gateway_ref: payment.gatewayRef }
  await store.recordBreak({ kind, paymentId: payment.id, gateway, reference, detail })
  return true
}

/** Records a decline of what the gateway had called successful. The status stays. */
async function recordDecline(
  store: Store,
  { id: paymentId, status, gateway: at, gatewayRef }: Payment,
  { gateway, actor, outcome, isFinal }: OutcomeReport & { readonly outcome: Declined },
): Promise<OutcomeEffect> {
  const { gatewayRef: reference = gatewayRef ?? '', code } = outcome
  if (status !== 'SUCCESS') return 'ignored'
  if (kindOf(paymentId) === 'refund')
    return recordFailure(paymentId, { gatewayRef: reference, actor, outcome }, store)
  // Of the charge or capture on record, and not of a try before it.
  if (isFinal !== true || reference !== gatewayRef || gateway !== at) return 'ignored'
  await store.recordBreak({ kind: 'status_mismatch', paymentId, gateway, reference, detail: { code } })
  return 'contradiction'
}

type Declined = Extract<ChargeOutcome, { readonly type: 'DECLINED' }>

function contradictionOf(
  payment: Payment,
  { attemptNo, gateway, reference }: { attemptNo: number; gateway: string; reference: string },
): BreakKind | undefined {
  // Two gateways may use the same id, but not two places of one.
  const isSame = gatewayNameOf(payment.gateway ?? '') === gatewayNameOf(gateway)
  const isKnown = isSame && payment.gatewayRef === reference
  if (payment.status === 'SUCCESS') return isKnown ? undefined : 'duplicate_charge'
  // An open attempt is still to be settled. A closed one had been declined: the payment has failed or has a later attempt.
  const isOpen = payment.attemptOpen && payment.attemptNo === attemptNo
  return isOpen ? undefined : 'late_charge'
}
