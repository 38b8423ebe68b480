import type Stripe from 'stripe'
import type { DisputeRow } from '../model/dispute.ts'
import { secondsOf } from './seconds.ts'

/** How long the merchant can answer. */
export const RESPOND_WITHIN_MS = 7 * 86_400_000

/** Writes a dispute as Stripe does. It takes no evidence. */
export function disputeOf({ intentId, chargeId, ...row }: DisputeRow): Stripe.Dispute {
  return {
    id: row.id,
    object: 'dispute',
    amount: row.amount,
    balance_transactions: [],
    charge: chargeId,
    created: secondsOf(row.created),
    currency: row.currency,
    enhanced_eligibility_types: [],
    evidence: {} as Stripe.Dispute.Evidence,
    evidence_details: {
      due_by: secondsOf(row.created + RESPOND_WITHIN_MS),
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'manual',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: intentId,
    reason: row.reason,
    status: row.status,
  }
}
