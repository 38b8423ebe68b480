import type { Evidence, FailureKind, PaymentEventType } from './payment.ts'

/** Kinds of disagreement between a gateway's ledger and ours. */
export type BreakKind =
  | 'missing_at_gateway'
  | 'missing_here'
  | 'amount_mismatch'
  | 'currency_mismatch'
  | 'status_mismatch'
  | 'duplicate_charge'
  | 'late_charge'

/** A contradiction as it is on record. */
export interface RecordedBreak {
  readonly kind: BreakKind
  readonly gateway: string
  /** The gateway's id of the charge, or our key where it gave none. */
  readonly reference: string
  /** What the gateway says it charged, in minor units; null where that is not on record. */
  readonly amount: number | null
  readonly currency: string | null
  readonly detectedAt: Date
  /** Null while it waits for somebody. */
  readonly resolvedAt: Date | null
  /** Where the evidence of the resolution is. */
  readonly resolution: string | null
  readonly resolvedBy: string | null
  /** The gateway's id of the refund, when the charge was given back. */
  readonly refundRef: string | null
}

/**
 * What becomes of a claimed payment. Written by one statement that changes nothing unless the payment is still
 * PROCESSING under the same fence.
 */
export interface Settlement {
  readonly paymentId: string
  readonly fence: number
  readonly status: 'SUCCESS' | 'FAILED' | 'QUEUED' | 'PROCESSING'
  /** The attempt's definite answer; null leaves it open under the same key. */
  readonly attemptOutcome: 'SUCCEEDED' | 'DECLINED' | 'NOT_SENT' | null
  /** The claim's request certainly never left, so it does not count as a send. */
  readonly unsent: boolean
  /** Uses up one retry. */
  readonly countsRetry: boolean
  /** The outcome at the gateway is unknown from now on. */
  readonly unknown: boolean
  /** One more unknown answer in a row. */
  readonly countsResolve: boolean
  /** Parked for an operator. */
  readonly review: boolean
  /** Milliseconds until the next step, for QUEUED and PROCESSING. */
  readonly delayMs: number
  readonly failureCode: string | null
  readonly failureKind: FailureKind | null
  readonly gatewayRef: string | null
  /** SUCCESS only: what was charged; the statement compares it with the payment. */
  readonly charged: { readonly amount: number; readonly currency: string } | null
  /** A contradiction to record together with the transition. */
  readonly breakKind: BreakKind | null
  readonly event: PaymentEventType
  readonly actor: string
  readonly evidence: Evidence
}
