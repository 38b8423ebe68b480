import type { SkipReason } from './claim.ts'
import type { PaymentEventType, PaymentStatus } from './payment.ts'
import type { ComparisonReport } from './reconciliation.ts'

/**
 * Why a job went back to the queue before its claim: no gateway of this worker may take the payment, or those that may are
 * down or stopped, or have no room.
 */
export const DEFERRALS = ['other_gateway', 'gateway_down', 'gateway_busy'] as const
export type Deferral = (typeof DEFERRALS)[number]

/** What happens in the background, for logs and counters. The whole catalogue. */
export type PaymentsEvent =
  /** A result was committed. */
  | {
      readonly type: 'settled'
      readonly paymentId: string
      readonly status: PaymentStatus
      readonly event: PaymentEventType
      /** From the claim to the commit of the result, milliseconds. */
      readonly durationMs: number
      /** From the acceptance of the payment to this commit, milliseconds. */
      readonly sinceAcceptedMs: number
    }
  /** A job had nothing to do. */
  | { readonly type: 'skipped'; readonly paymentId: string; readonly reason: SkipReason }
  /** A job went back to the queue, because its gateway takes nothing from this worker now. */
  | { readonly type: 'deferred'; readonly paymentId: string; readonly reason: Deferral }
  /** A result came too late: another claim holds the payment, and nothing was changed. */
  | { readonly type: 'stale'; readonly paymentId: string }
  /** Payments were handed to the queue. */
  | { readonly type: 'relayed'; readonly count: number }
  /** Payments whose job was lost were handed to the queue again. */
  | { readonly type: 'requeued'; readonly count: number }
  /** Payments that wait for capture, customer or gateway have a step due, and were handed to the queue. */
  | { readonly type: 'woken'; readonly count: number }
  /** Redis is not the one it was; every unfinished payment was looked at, `count` had no job. */
  | { readonly type: 'queue_rebuilt'; readonly count: number }
  /** The books of a gateway were compared with ours. */
  | { readonly type: 'books_compared'; readonly report: ComparisonReport }
  | {
      readonly type: 'error'
      readonly source: 'relay' | 'reconciler' | 'lease' | 'gateway' | 'before_charge' | 'books'
      readonly error: unknown
    }

/** Receives every event; must not throw. */
export type OnPaymentsEvent = (event: PaymentsEvent) => void
