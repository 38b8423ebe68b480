import type Stripe from 'stripe'
import { digestOf } from '../model/ids.ts'
import type { RefundRow } from '../model/refund.ts'
import { secondsOf } from './seconds.ts'

/** Writes a refund as Stripe does. */
export function refundOf(row: RefundRow): Stripe.Refund {
  const { id, status, isRelease, failureReason } = row
  const hasSettled = status === 'succeeded' && !isRelease
  return {
    id,
    object: 'refund',
    amount: row.amount,
    balance_transaction: hasSettled ? `txn_${digestOf(id, 24)}` : null,
    charge: row.chargeId,
    created: secondsOf(row.created),
    currency: row.currency,
    customer: null,
    customer_account: null,
    destination_details: { card: destinationOf(row), type: 'card' },
    ...(failureReason !== null && {
      failure_balance_transaction: `txn_${digestOf(`${id} failure`, 24)}`,
      failure_reason: failureReason,
    }),
    metadata: row.metadata,
    payment_intent: row.intentId,
    payment_method: null,
    ...(status === 'pending' && { pending_reason: 'processing' as const }),
    reason: row.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  }
}

function destinationOf({ isRelease }: RefundRow): Stripe.Refund.DestinationDetails.Card {
  if (isRelease) return { type: 'reversal' }
  return { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' }
}
