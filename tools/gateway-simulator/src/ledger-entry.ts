import type { PaymentIntent } from './payment-intent.ts'
import type { WebhookScript } from './script.ts'

/** Money that moved, once and for ever. */
export interface Charge {
  readonly id: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly intentId: string
  /** The idempotency key of the request that made the intent; null when it had none. */
  readonly key: string | null
  /** `metadata.payment_id`: whose money it is. */
  readonly reference: string | null
  /** Minor units of the currency, as the client wrote them. */
  readonly amount: number
  /** Three small letters, as Stripe writes them. */
  readonly currency: string
}

/** What is stored under an idempotency key and answered to every repeat. */
export interface StoredAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** An outcome that is still to come. */
export interface Schedule {
  readonly intentId: string
  /** Epoch milliseconds. */
  readonly dueAt: number
  readonly final: FinalOutcome
  readonly webhook: WebhookScript
}

/** How an intent ends: with the charge, or with a decline code. */
export type FinalOutcome = { readonly type: 'charge' } | { readonly type: 'decline'; readonly code: string }

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

/** An outcome came later. */
export interface SettledEntry {
  readonly type: 'settled'
  readonly at: number
  readonly intent: PaymentIntent
  readonly charge: Charge | null
}

/** What the client got, as far as the server can tell. */
export interface AnsweredEntry {
  readonly type: 'answered'
  readonly at: number
  readonly request: string
  /** Null when no answer was given. */
  readonly status: number | null
  readonly delivery: string
  readonly isReplay: boolean
  /** The key was used with other parameters. */
  readonly isMismatch: boolean
}

/** A webhook was sent, or could not be. */
export interface WebhookEntry {
  readonly type: 'webhook'
  readonly at: number
  readonly event: string
  readonly eventType: string
  readonly intentId: string
  /** The receiver's answer; null when there was none. */
  readonly status: number | null
}

/** The simulator was started on this ledger. */
export interface OpenedEntry {
  readonly type: 'opened'
  readonly at: number
  readonly pid: number
}

/** One line of the ledger. */
export type LedgerEntry =
  | OpenedEntry
  | RequestEntry
  | ExecutedEntry
  | SettledEntry
  | AnsweredEntry
  | WebhookEntry
