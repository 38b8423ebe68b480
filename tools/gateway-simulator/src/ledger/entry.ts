import type { FinalOutcome } from '../script/behaviour.ts'
import type { WebhookScript } from '../script/script.ts'
import type { CardRow } from '../model/cards.ts'
import type { CustomerRow } from '../model/customer.ts'
import type { DisputeRow } from '../model/dispute.ts'
import type { IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import type { Answer } from '../stripe/answer.ts'

/** Money that moved to the merchant, for good. */
export interface Charge {
  readonly id: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly intentId: string
  /** The idempotency key of the request that made the intent. */
  readonly key: string | null
  /** `metadata.payment_id`: whose money it is. */
  readonly reference: string | null
  /** Minor units of the currency. */
  readonly amount: number
  /** Three small letters, as Stripe writes them. */
  readonly currency: string
}

/** Something that was done to a payment after, or in place of, its charge. A later one with the same id replaces it. */
export interface Movement {
  readonly kind: 'authorization' | 'capture' | 'void' | 'refund'
  /** The refund's id, or that of the charge. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly intentId: string
  readonly chargeId: string
  /** The idempotency key of the request that asked for it. */
  readonly key: string | null
  /** `metadata.payment_id` of the intent: whose money it is. */
  readonly payment: string | null
  /** `metadata.movement_id` of a refund: which of ours it is. */
  readonly reference: string | null
  readonly amount: number
  readonly currency: string
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
}

/** An outcome that is still to come. */
export interface Schedule {
  /** The intent or the refund. */
  readonly subject: string
  /** The idempotency key of the request that it belongs to. */
  readonly key: string | null
  /** Epoch milliseconds. */
  readonly dueAt: number
  readonly final: FinalOutcome
  readonly webhook: WebhookScript
}

/** Rows that changed. */
export interface ChangedRows {
  readonly intent?: IntentRow
  readonly refunds?: readonly RefundRow[]
  readonly dispute?: DisputeRow
  readonly customer?: CustomerRow
  readonly card?: CardRow
}

/** A request was seen. Written before anything is done about it. */
export interface RequestEntry {
  readonly type: 'request'
  readonly at: number
  /** Stripe's `Request-Id`. */
  readonly id: string
  readonly method: string
  readonly path: string
  readonly key: string | null
  readonly reference: string | null
  readonly amount: number | null
  readonly currency: string | null
  readonly behaviour: string
}

/** One line of the ledger. */
export type LedgerEntry =
  | RequestEntry
  | ExecutedEntry
  | SettledEntry
  | WebhookEntry
  /** The simulator was started on this ledger. */
  | { readonly type: 'opened'; readonly at: number; readonly pid: number }
  /** What the client got, as far as the server can tell; `status` is null without an answer. */
  | {
      readonly type: 'answered'
      readonly at: number
      readonly request: string
      readonly status: number | null
      readonly delivery: string
      readonly isReplay: boolean
      /** The key was used with other parameters. */
      readonly isMismatch: boolean
    }

/** What changed at once. */
export interface Change {
  readonly at: number
  readonly rows: ChangedRows
  readonly charge: Charge | null
  readonly movements: readonly Movement[]
}

/**
 * A request was carried out: the objects, the money that moved, the answer under the key, the outcome to come. One
 * line, so that no crash can part them.
 */
export interface ExecutedEntry extends Change {
  readonly type: 'executed'
  readonly request: string
  readonly key: string | null
  readonly fingerprint: string
  readonly answer: Answer
  readonly schedule: Schedule | null
}

/** An outcome came later. */
export interface SettledEntry extends Change {
  readonly type: 'settled'
  /** The intent, the refund or the dispute. */
  readonly subject: string
}

/** A webhook was sent; `status` is the receiver's, null when there was none. */
export interface WebhookEntry {
  readonly type: 'webhook'
  readonly at: number
  readonly event: string
  readonly eventType: string
  /** The object that it is about. */
  readonly subject: string
  readonly status: number | null
}
