import { newId } from './ids.ts'
import type { ChargeRow, IntentRow } from './intent.ts'

/** What is remembered of a refund. */
export interface RefundRow {
  readonly id: string
  /** The idempotency key of the request that made it. */
  readonly key: string | null
  /** Epoch milliseconds. */
  readonly created: number
  readonly intentId: string
  readonly chargeId: string
  readonly amount: number
  readonly currency: string
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled' | 'requires_action'
  readonly reason: string | null
  readonly failureReason: string | null
  readonly metadata: Readonly<Record<string, string>>
  /** Whether it only releases what was never captured, as Stripe writes down voids and partial captures. */
  readonly isRelease: boolean
}

/** Why Stripe says that a refund failed. */
const FAILURE_REASONS: ReadonlySet<string> = new Set([
  'lost_or_stolen_card',
  'expired_or_canceled_card',
  'charge_for_pending_refund_disputed',
  'insufficient_funds',
  'declined',
  'merchant_request',
])

/** Creates a refund of a charge. */
export function createRefund(
  { id: intentId, currency }: IntentRow,
  { id: chargeId }: ChargeRow,
  given: Pick<RefundRow, 'key' | 'amount' | 'reason' | 'metadata' | 'status'> & {
    readonly now: number
    readonly isRelease?: boolean
  },
): RefundRow {
  const { now, isRelease = false, ...rest } = given
  return {
    ...rest,
    id: newId('re'),
    created: now,
    intentId,
    chargeId,
    currency,
    failureReason: null,
    isRelease,
  }
}

/** Returns the refund after it failed: the money stays with the merchant. */
export function failRefund(refund: RefundRow, code: string): RefundRow {
  return { ...refund, status: 'failed', failureReason: FAILURE_REASONS.has(code) ? code : 'unknown' }
}
