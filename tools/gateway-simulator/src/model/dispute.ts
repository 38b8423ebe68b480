import type Stripe from 'stripe'
import { newId } from './ids.ts'

/** What is remembered of a dispute. */
export interface DisputeRow {
  readonly id: string
  /** Epoch milliseconds. */
  readonly created: number
  readonly intentId: string
  readonly chargeId: string
  readonly amount: number
  readonly currency: string
  readonly status: Stripe.Dispute.Status
  readonly reason: string
}

/** What the cardholder's bank says of a dispute. */
export type DisputeFacts = Pick<DisputeRow, 'amount' | 'status' | 'reason'>

/** Opens a dispute about a charge. */
export function createDispute(
  { intentId, chargeId, currency }: Pick<DisputeRow, 'intentId' | 'chargeId' | 'currency'>,
  { amount, status, reason }: DisputeFacts,
  now: number,
): DisputeRow {
  return { id: newId('du'), created: now, intentId, chargeId, currency, amount, status, reason }
}
