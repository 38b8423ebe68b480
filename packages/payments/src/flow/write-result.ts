import { codeOf } from '@titan/queue-core/text-of'
import type { Claim } from '../domain/claim.ts'
import { contest, park, type WorkOutcome } from '../domain/decision.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { Payment } from '../domain/payment.ts'
import type { RetryPolicy } from '../domain/retry-policy.ts'
import type { Settlement } from '../domain/settlement.ts'
import { isChargeTaken } from '../store/review.ts'
import type { PaymentStore } from '../store/store.ts'
import { applyOutcome, recordContradiction } from './apply-outcome.ts'

/** A result of work on a payment, to be written. */
interface Result {
  readonly claim: Claim
  readonly outcome: WorkOutcome
  readonly settlement: Settlement
}

/** What a result is written with. */
interface Means {
  readonly store: PaymentStore
  readonly policy: RetryPolicy
}

/**
 * Writes a result and resolves with what was written; undefined when another claim holds the payment. A COMMIT whose
 * answer was lost counts as written.
 */
export async function writeResult(means: Means, result: Result): Promise<Settlement | undefined> {
  const { store } = means
  const { settlement } = result
  const written = await settleOrContest(store, settlement)
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
async function settleOrContest(store: PaymentStore, settlement: Settlement): Promise<Settlement | undefined> {
  try {
    return (await withRetries(() => store.settle(settlement))) ? settlement : undefined
  } catch (error) {
    if (!isChargeTaken(error)) throw error
    const contested = contest(settlement)
    return (await withRetries(() => store.settle(contested))) ? contested : undefined
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
    await recordContradiction(store, { payment, attemptNo, gateway, outcome })
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
