import { codeOf } from '@titan/queue-core/text-of'
import { decide, type WorkOutcome } from '../domain/decision.ts'
import { contest, park } from '../domain/settlement.ts'
import { reasonOf, sanitizeOutcome, sanitizeText } from '../domain/evidence.ts'
import type { Claim, Settlement } from '../domain/claim.ts'
import type { BreakKind, Payment } from '../domain/payment.ts'
import { resolveRetryPolicy, type RetryPolicy } from '../domain/retry-policy.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'

type Store = Pick<PaymentStore, 'breaks' | 'get' | 'seize' | 'settle' | 'recordBreak'>

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
  { store, policy }: ApplyOutcomeOptions,
): Promise<OutcomeEffect> {
  const { paymentId, attemptNo, gateway, actor } = report
  const outcome = sanitizeOutcome(report.outcome)
  // Only a definite answer outranks a worker that may get one at any time.
  if (outcome.type !== 'SUCCEEDED' && outcome.type !== 'DECLINED') return 'ignored'
  if (outcome.type === 'SUCCEEDED') {
    // What became of a charge that is on record as a contradiction is decided by an operator; a copy changes nothing.
    const known = (await store.breaks(paymentId)).find(
      (one) => one.gateway === gateway && one.reference === outcome.gatewayRef,
    )
    if (known !== undefined) return known.resolvedAt === null ? 'contradiction' : 'ignored'
  }
  const claim = await store.seize({ paymentId, attemptNo, gateway, actor })
  if (claim !== undefined) {
    const context = { policy: resolveRetryPolicy(policy), actor, random: Math.random }
    const settlement = decide(claim, outcome, context)
    if ((await settleOrContest(settlement, store.settle)) !== undefined) return 'settled'
    // A charge on record takes no retry and no failure.
    if (await store.settle(park(settlement))) return 'settled'
  }
  const payment = await store.get(paymentId)
  if (payment === undefined) return 'unknown'
  if (outcome.type !== 'SUCCEEDED') return 'ignored'
  const isContradiction = await recordContradiction(store, payment, { attemptNo, gateway, outcome })
  return isContradiction ? 'contradiction' : 'ignored'
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
  const kind = contradictionOf(payment, attemptNo, reference)
  if (kind === undefined) return false
  const detail = { amount, currency: sanitizeText(currency), gateway_ref: payment.gatewayRef }
  await store.recordBreak({ kind, paymentId: payment.id, gateway, reference, detail })
  return true
}

function contradictionOf(payment: Payment, attemptNo: number, chargedRef: string): BreakKind | undefined {
  if (payment.status === 'SUCCESS') return payment.gatewayRef === chargedRef ? undefined : 'duplicate_charge'
  // An open attempt is still to be settled. A closed one had been declined: the payment has failed or has a later attempt.
  const isOpen = payment.attemptOpen && payment.attemptNo === attemptNo
  return isOpen ? undefined : 'late_charge'
}
