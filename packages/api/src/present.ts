import type { Payment, PaymentEvent } from '@titan/payments'

/** What the client is told at once: `payment_id`, `amount` and `status`, then what may grow. */
export interface AcceptedBody {
  readonly payment_id: string
  readonly amount: number
  readonly status: 'PENDING'
  readonly currency: string
  readonly created_at: string
}

/**
 * The answer to `POST /pay`. A function of what never changes, so that a repetition gets the same bytes
 * as the first answer; the present state is at `GET /payments/{payment_id}`.
 */
export function presentAccepted(payment: Payment): AcceptedBody {
  return {
    payment_id: payment.id,
    amount: payment.amount,
    status: 'PENDING',
    currency: payment.currency,
    created_at: payment.createdAt.toISOString(),
  }
}

/** A payment as it is now. */
export interface PaymentBody {
  readonly payment_id: string
  readonly amount: number
  readonly status: Payment['status']
  readonly currency: string
  /** Why a payment that is PROCESSING takes longer. */
  readonly status_detail?: 'AWAITING_CONFIRMATION' | 'IN_REVIEW'
  /** While in review: the gateway's id of a charge of an attempt that had been closed without one. */
  readonly late_charge_ref?: string
  readonly attempts: number
  readonly failure?: { readonly code: string; readonly kind: string | null }
  readonly created_at: string
  readonly updated_at: string
}

/** The answer to `GET /payments/{payment_id}`. */
export function presentPayment(payment: Payment): PaymentBody {
  const detail = statusDetail(payment)
  return {
    payment_id: payment.id,
    amount: payment.amount,
    status: payment.status,
    currency: payment.currency,
    ...(detail === undefined ? {} : { status_detail: detail }),
    ...(detail === 'IN_REVIEW' && payment.lateChargeRef !== null
      ? { late_charge_ref: payment.lateChargeRef }
      : {}),
    attempts: payment.attemptNo,
    ...(payment.failureCode === null
      ? {}
      : { failure: { code: payment.failureCode, kind: payment.failureKind } }),
    created_at: payment.createdAt.toISOString(),
    updated_at: payment.updatedAt.toISOString(),
  }
}

function statusDetail(payment: Payment): PaymentBody['status_detail'] {
  if (payment.status !== 'PROCESSING') return undefined
  if (payment.needsReview) return 'IN_REVIEW'
  return payment.unknownSince === null ? undefined : 'AWAITING_CONFIRMATION'
}

/** One entry of a payment's history. Evidence and actors stay inside. */
export interface EventBody {
  readonly event_id: string
  readonly sequence: number
  readonly type: string
  readonly from_status: string | null
  readonly to_status: string
  readonly at: string
}

/** One entry of the answer to `GET /payments/{payment_id}/events`. */
export function presentEvent(event: PaymentEvent): EventBody {
  return {
    event_id: event.eventId,
    sequence: event.seq,
    type: event.type,
    from_status: event.fromStatus,
    to_status: event.toStatus,
    at: event.at.toISOString(),
  }
}
