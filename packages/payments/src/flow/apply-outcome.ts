import { recordContradiction } from '../domain/contradiction.ts'
import { contest, decide, park } from '../domain/decision.ts'
import { sanitizeText } from '../domain/evidence.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { resolveRetryPolicy, type RetryPolicy } from '../domain/retry-policy.ts'
import type { RecordedBreak, Settlement } from '../domain/settlement.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'
import { maskOutcome } from './work.ts'

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
export type OutcomeEffect = 'settled' | 'ignored' | 'contradiction' | 'unknown'

/** What {@link applyOutcome} works with. */
export interface ApplyOutcomeOptions {
  readonly store: Pick<PaymentStore, 'breaks' | 'get' | 'seize' | 'settle' | 'recordBreak'>
  /** @default DEFAULT_RETRY_POLICY */
  readonly policy?: Partial<RetryPolicy>
}

/**
 * Lets a gateway's own word settle a payment, whoever works on it at the moment. Goes the same way as a worker's result:
 * a fence of its own, the same decision, the same compare-and-set. Any number of copies of a report have the effect of one.
 */
export async function applyOutcome(
  report: OutcomeReport,
  options: ApplyOutcomeOptions,
): Promise<OutcomeEffect> {
  const { store } = options
  const { actor } = report
  const outcome = maskOutcome(report.outcome)
  // Only a definite answer outranks a worker that may get one at any moment.
  if (outcome.type !== 'SUCCEEDED' && outcome.type !== 'DECLINED') return 'ignored'
  const policy = resolveRetryPolicy(options.policy)
  if (outcome.type === 'SUCCEEDED') {
    // What became of a charge that is on record as a contradiction is decided by an operator; a copy changes nothing.
    const isSame = ({ gateway, reference }: RecordedBreak): boolean =>
      gateway === report.gateway && reference === sanitizeText(outcome.gatewayRef)
    const known = (await store.breaks(report.paymentId)).find(isSame)
    if (known !== undefined) return known.resolvedAt === null ? 'contradiction' : 'ignored'
  }
  const claim = await store.seize(report)
  if (claim !== undefined) {
    const settlement = decide(claim, outcome, { policy, actor, random: Math.random })
    if (await settleOrPark(store, settlement)) return 'settled'
  }
  const payment = await store.get(report.paymentId)
  if (payment === undefined) return 'unknown'
  if (outcome.type !== 'SUCCEEDED') return 'ignored'
  const { attemptNo, gateway } = report
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
