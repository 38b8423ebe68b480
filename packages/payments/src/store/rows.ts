import type {
  Payment,
  PaymentAttempt,
  PaymentEvent,
  PaymentStatus,
  FailureKind,
  Evidence,
} from '../domain/payment.ts'
import { eventIdOf } from '../domain/identifiers.ts'
import type { BreakKind, RecordedBreak } from '../domain/settlement.ts'

/** A row of `payments` as the driver reads it. */
export interface PaymentRow {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly status: PaymentStatus
  readonly idempotency_key: string
  readonly request_hash: string | null
  readonly fence: number
  readonly attempt_no: number
  readonly attempt_open: boolean
  readonly retries: number
  readonly unknown_since: Date | null
  readonly needs_review: boolean
  readonly next_run_at: Date
  readonly failure_code: string | null
  readonly failure_kind: FailureKind | null
  readonly gateway: string | null
  readonly gateway_ref: string | null
  readonly late_charge_ref: string | null
  readonly open_charges: number
  readonly looked_up_fence: number | null
  readonly created_at: Date
  readonly updated_at: Date
}

/** The one mapping of a payment's columns. */
export function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    idempotencyKey: row.idempotency_key,
    fence: row.fence,
    attemptNo: row.attempt_no,
    attemptOpen: row.attempt_open,
    retries: row.retries,
    unknownSince: row.unknown_since,
    needsReview: row.needs_review,
    nextRunAt: row.next_run_at,
    failureCode: row.failure_code,
    failureKind: row.failure_kind,
    gateway: row.gateway,
    gatewayRef: row.gateway_ref,
    lateChargeRef: row.late_charge_ref,
    openCharges: row.open_charges,
    isLookedUp: row.attempt_open && row.looked_up_fence === row.fence,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** A row of `payment_events` as the driver reads it. */
export interface EventRow {
  readonly payment_id: string
  readonly seq: number
  readonly type: PaymentEvent['type']
  readonly from_status: PaymentStatus | null
  readonly to_status: PaymentStatus
  readonly actor: string
  readonly evidence: Evidence | null
  readonly at: Date
}

/** The one mapping of an event's columns. */
export function toEvent(row: EventRow): PaymentEvent {
  return {
    eventId: eventIdOf(row.payment_id, row.seq),
    paymentId: row.payment_id,
    seq: row.seq,
    type: row.type,
    fromStatus: row.from_status,
    toStatus: row.to_status,
    actor: row.actor,
    evidence: row.evidence,
    at: row.at,
  }
}

/** A row of `payment_attempts` as the driver reads it. */
export interface AttemptRow {
  readonly payment_id: string
  readonly attempt_no: number
  readonly gateway: string
  readonly gateway_key: string
  readonly amount: number
  readonly currency: string
  readonly fence: number
  readonly created_at: Date
  readonly first_sent_at: Date | null
  readonly sends: number
  readonly takeovers: number
  readonly outcome: PaymentAttempt['outcome']
  readonly gateway_ref: string | null
  readonly last_error: string | null
  readonly decided_at: Date | null
}

/** The one mapping of an attempt's columns. */
export function toAttempt(row: AttemptRow): PaymentAttempt {
  return {
    paymentId: row.payment_id,
    attemptNo: row.attempt_no,
    gateway: row.gateway,
    gatewayKey: row.gateway_key,
    amount: row.amount,
    currency: row.currency,
    fence: row.fence,
    createdAt: row.created_at,
    firstSentAt: row.first_sent_at,
    sends: row.sends,
    takeovers: row.takeovers,
    outcome: row.outcome,
    gatewayRef: row.gateway_ref,
    lastError: row.last_error,
    decidedAt: row.decided_at,
  }
}

/** A row of `reconciliation_breaks` as the driver reads it. */
export interface BreakRow {
  readonly kind: BreakKind
  readonly gateway: string
  readonly reference: string
  readonly amount: string | null
  readonly currency: string | null
  readonly detected_at: Date
  readonly resolved_at: Date | null
  readonly resolution: string | null
  readonly resolved_by: string | null
  readonly refund_ref: string | null
}

/** The one mapping of those columns. */
export function toBreak(row: BreakRow): RecordedBreak {
  return {
    kind: row.kind,
    gateway: row.gateway,
    reference: row.reference,
    amount: row.amount === null ? null : Number(row.amount),
    currency: row.currency,
    detectedAt: row.detected_at,
    resolvedAt: row.resolved_at,
    resolution: row.resolution,
    resolvedBy: row.resolved_by,
    refundRef: row.refund_ref,
  }
}
