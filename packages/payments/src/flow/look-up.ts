import { reasonOf } from '../domain/evidence.ts'
import { gatewayKeyOf, kindOf } from '../domain/identifiers.ts'
import type { Payment } from '../domain/payment.ts'
import type { Gateway, LookupAnswer } from '../gateways/gateway.ts'
import { applyOutcome, type ApplyOutcomeOptions } from './write-result.ts'
import type { PaymentStore } from '../store/store.ts'

interface LookUp {
  readonly paymentId: string
  /** Shown as the actor of events, such as `operator:ann`. */
  readonly actor: string
}

type Askable = Pick<Gateway, 'name' | 'lookup'>

interface LookUpOptions extends ApplyOutcomeOptions {
  readonly store: ApplyOutcomeOptions['store'] & Pick<PaymentStore, 'findMovedCharge' | 'recordLookUp'>
  /** The attempt is looked up at the one where it began. */
  readonly gateways: { get(name: string): Askable | undefined }
  /** Longest call to the gateway, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined
  /**
   * How long after the last claim the answer that an attempt is not known counts, in milliseconds. Gateways search their
   * charges in an index that lags behind; Stripe's may by an hour during an outage. @default 3600000
   */
  readonly minAgeMs?: number | undefined
}

/**
 * `settled`: the gateway has a definite answer, and it is written. `not_found`: the gateway does not know the attempt,
 * which is on record. `undecided`: the gateway knows it and has not decided. `unanswered`: nothing was learned.
 * `refused`: the payment is not parked with an open attempt, or this gateway cannot be asked about it.
 */
interface LookUpEffect {
  readonly effect: 'settled' | 'not_found' | 'undecided' | 'unanswered' | 'refused'
  /** Why, for people. */
  readonly reason: string
}

const NOT_FOUND_EFFECTS = {
  recorded: { effect: 'not_found', reason: 'the gateway does not know the attempt' },
  too_early: {
    effect: 'unanswered',
    reason:
      'the gateway does not know the attempt yet, which proves nothing so soon after it was sent: ask again an hour after that',
  },
  moved_on: { effect: 'refused', reason: 'the payment has moved on: look at it again' },
} as const

/**
 * Asks the gateway what became of the open attempt of a parked payment. Charges nothing. A gateway may first cancel a
 * declined charge that its customer could still pay, because the answer would not hold otherwise.
 */
export async function lookUpAttempt(
  { paymentId, actor }: LookUp,
  { store, gateways, policy, timeoutMs = 10_000, minAgeMs = 3_600_000 }: LookUpOptions,
): Promise<LookUpEffect> {
  const payment = await store.get(paymentId)
  if (payment === undefined) return { effect: 'refused', reason: 'there is no such payment' }
  const gateway = findAskable(payment, gateways)
  if (typeof gateway === 'string') return { effect: 'refused', reason: gateway }
  // Gateways find a capture, void or refund by the charge that it is about.
  const chargeRef = payment.parentId === null ? undefined : await store.findMovedCharge(paymentId)
  const answer = await ask(payment, chargeRef, gateway, timeoutMs)
  if (answer.type === 'FAILED_TO_ASK') return { effect: 'unanswered', reason: answer.reason }
  if (answer.type === 'NOT_FOUND') {
    const { fence } = payment
    return NOT_FOUND_EFFECTS[await store.recordLookUp({ paymentId, fence, actor, minAgeMs })]
  }
  const { outcome } = answer
  if (outcome.type === 'PENDING' || outcome.type === 'UNKNOWN')
    return { effect: 'undecided', reason: `the gateway answers ${outcome.type}` }
  const report = { paymentId, attemptNo: payment.attemptNo, gateway: gateway.name, outcome, actor }
  const effect = await applyOutcome(report, { store, policy })
  return effect === 'settled'
    ? { effect, reason: `the gateway answers ${outcome.type}` }
    : { effect: 'undecided', reason: `the gateway answers ${outcome.type}, which is on record already` }
}

/** Returns the gateway to ask, or why there is none. */
function findAskable(payment: Payment, gateways: LookUpOptions['gateways']): Askable | string {
  if (!payment.needsReview || !payment.attemptOpen) return 'the payment is not parked with an open attempt'
  const gateway = gateways.get(payment.gateway ?? '')
  if (gateway === undefined)
    return `the attempt is at the gateway ${payment.gateway}, which these settings do not name or cannot ask`
  return gateway.lookup === undefined ? `the gateway ${gateway.name} cannot be asked` : gateway
}

async function ask(
  payment: Payment,
  chargeRef: string | undefined,
  gateway: Askable,
  timeoutMs: number,
): Promise<LookupAnswer> {
  const { id: paymentId, attemptNo } = payment
  const gatewayRef = payment.gatewayRef ?? undefined
  const gatewayKey = gatewayKeyOf(paymentId, attemptNo)
  const request = { kind: kindOf(paymentId), paymentId, gatewayKey, gatewayRef, chargeRef }
  try {
    const answer = await gateway.lookup?.(request, { signal: AbortSignal.timeout(timeoutMs) })
    return answer ?? { type: 'NOT_FOUND' }
  } catch (error) {
    return { type: 'FAILED_TO_ASK', reason: reasonOf(error) }
  }
}
