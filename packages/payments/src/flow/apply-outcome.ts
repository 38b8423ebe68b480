import { contest, decide, park } from '../domain/decision.ts'
import { sanitizeOutcome, sanitizeText } from '../domain/evidence.ts'
import type { Payment } from '../domain/payment.ts'
import { resolveRetryPolicy, type RetryPolicy } from '../domain/retry-policy.ts'
import type { BreakKind, Settlement } from '../domain/settlement.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'

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

/** What {@link applyOutcome} works with. */
export interface ApplyOutcomeOptions {
  readonly store: Pick<PaymentStore, 'breaks' | 'get' | 'seize' | 'settle' | 'recordBreak'>
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
    if (await settleOrPark(store, decide(claim, outcome, context))) return 'settled'
  }
  const payment = await store.get(paymentId)
  if (payment === undefined) return 'unknown'
  if (outcome.type !== 'SUCCEEDED') return 'ignored'
  const isContradiction = await recordContradiction(store, { payment, attemptNo, gateway, outcome })
  return isContradiction ? 'contradiction' : 'ignored'
}

async function settleOrPark(store: Pick<PaymentStore, 'settle'>, settlement: Settlement): Promise<boolean> {
  try {
    // The second is for a payment with a charge on record, which takes no retry and no failure.
    return (await store.settle(settlement)) || (await store.settle(park(settlement)))
  } catch (error) {
    if (!isChargeTaken(error)) throw error
    return store.settle(contest(settlement))
  }
}

/** A charge that the gateway reports, and the payment as it is now. */
interface LateSuccess {
  readonly payment: Payment
  /** The attempt that was charged. */
  readonly attemptNo: number
  readonly gateway: string
  readonly outcome: Extract<ChargeOutcome, { readonly type: 'SUCCEEDED' }>
}

/** Records a charge that contradicts its payment; resolves with whether it does. The status stays: terminal is final. */
export async function recordContradiction(
  store: Pick<PaymentStore, 'recordBreak'>,
  { payment, attemptNo, gateway, outcome }: LateSuccess,
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
