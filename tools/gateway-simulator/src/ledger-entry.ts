import type { PaymentIntent } from './payment-intent.ts'
import type { WebhookScript } from './script.ts'

/** Money that moved, for good. */
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

/** What is stored under an idempotency key and sent to every repeat. */
export interface StoredAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** How an intent ends: with the charge, or with a decline code. */
export type FinalOutcome = { readonly type: 'charge' } | { readonly type: 'decline'; readonly code: string }

/** An outcome that is still to come. */
export interface Schedule {
  readonly intentId: string
  /** Epoch milliseconds. */
  readonly dueAt: number
  readonly final: FinalOutcome
  readonly webhook: WebhookScript
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
  | WebhookEntry
  /** The simulator was started on this ledger. */
  | { readonly type: 'opened'; readonly at: number; readonly pid: number }
  /** An outcome came later. */
  | {
      readonly type: 'settled'
      readonly at: number
      readonly intent: PaymentIntent
      readonly charge: Charge | null
    }
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

/**
 * A request was carried out: the intent, the money that moved, the answer under the key, the outcome to come. One
 * line, so that no crash can part them.
 */
export interface ExecutedEntry {
  readonly type: 'executed'
  readonly at: number
  readonly request: string
  readonly key: string | null
  readonly fingerprint: string
  /** Null when the request broke before there was one. */
  readonly intent: PaymentIntent | null
  readonly charge: Charge | null
  readonly answer: StoredAnswer
  readonly schedule: Schedule | null
}

/** A webhook was sent; `status` is the receiver's, null when there was none. */
export interface WebhookEntry {
  readonly type: 'webhook'
  readonly at: number
  readonly event: string
  readonly eventType: string
  readonly intentId: string
  readonly status: number | null
}
