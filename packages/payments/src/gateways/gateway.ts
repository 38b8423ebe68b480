import type { NextAction } from '../domain/details.ts'
import type { MovementKind } from '../domain/identifiers.ts'
import type { DisputeRecord, ListRequest, RecordPage } from './records.ts'

// Adapters from outside are written with the types of this module alone.
export type { GatewayRecord, ListRequest, RecordPage } from './records.ts'

/** A charge as it is sent to a gateway. Stored with the attempt: under one key it never changes. */
export interface ChargeRequest {
  readonly paymentId: string
  readonly attemptNo: number
  /** The idempotency key at the gateway. The same key with the same request is charged at most once. */
  readonly gatewayKey: string
  /** Minor units of the currency. */
  readonly amount: number
  readonly currency: string
  /** The gateway's token of what is charged. @default the one that the gateway is set up with */
  readonly paymentMethod?: string | undefined
  /** The gateway's token of the customer. */
  readonly customer?: string | undefined
  /** The merchant's own name of the order. */
  readonly reference?: string | undefined
  readonly description?: string | undefined
  readonly statementDescriptor?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** `manual` authorizes: the money moves with a capture. @default 'automatic' */
  readonly capture?: 'automatic' | 'manual' | undefined
  /** Whether the customer is there to answer a question of the bank. @default false: a question is a decline */
  readonly customerPresent?: boolean | undefined
  /** Where the customer's browser goes after that answer. */
  readonly returnUrl?: string | undefined
}

/** What is done about a charge, as it is sent to a gateway. Under one key it never changes. */
export interface MovementRequest {
  readonly kind: Exclude<MovementKind, 'charge'>
  readonly movementId: string
  /** The payment whose charge it is about. */
  readonly paymentId: string
  readonly attemptNo: number
  /** The idempotency key of the movement at the gateway. */
  readonly gatewayKey: string
  /** Minor units of the currency; the whole amount of the charge for a void. */
  readonly amount: number
  readonly currency: string
  /** Key and id under which the gateway knows the charge. */
  readonly chargeKey: string
  readonly chargeRef: string
  readonly reason?: string | undefined
}

/**
 * What is known after a call to a gateway. When in doubt an adapter returns `UNKNOWN`: a wrong `UNKNOWN` costs another
 * request under the same key, anything else that is wrong costs money.
 */
export type ChargeOutcome =
  | {
      readonly type: 'SUCCEEDED'
      /** The gateway's id of the charge; of the refund, when the request was one. */
      readonly gatewayRef: string
      /** What the gateway says it moved; anything but the requested amount is never a success. */
      readonly amount: number
      readonly currency: string
    }
  | {
      /** The gateway refused, and has stored that answer under the key. */
      readonly type: 'DECLINED'
      readonly code: string
      /** `hard` is final; `soft` may succeed later, in a new attempt. */
      readonly kind: 'hard' | 'soft'
      readonly gatewayRef?: string | undefined
    }
  | {
      /**
       * The gateway refused the request as invalid, and charged nothing for it. Says nothing about an earlier request under
       * the key, unless the gateway has stored this answer there.
       */
      readonly type: 'REJECTED'
      readonly code: string
      readonly reason: string
      /** `payment`: its amount or currency can never be charged. `config`: the rest of the request, which is ours to mend. */
      readonly fault: 'payment' | 'config'
      /** Whether the gateway repeats its answer to the first request under the key: it then holds for all of them. */
      readonly isReplay: boolean
    }
  | {
      /** This request was certainly not processed, and will not be. */
      readonly type: 'NOT_SENT'
      readonly reason: string
      /**
       * `network`: no connection. `throttled`: 429 or a limit of ours. `config`: key or account refused. Only `network`
       * uses up retries. @default 'network'
       */
      readonly fault?: 'network' | 'throttled' | 'config' | undefined
      /** Delay that the gateway asked for, in milliseconds. */
      readonly retryAfterMs?: number | undefined
    }
  | {
      /** Money may have moved: timeout or reset after sending, 5xx, an unreadable answer. */
      readonly type: 'UNKNOWN'
      readonly reason: string
    }
  | {
      /** The gateway has the request and decides later. */
      readonly type: 'PENDING'
      readonly gatewayRef?: string | undefined
    }
  | {
      /** The money is reserved and has not moved: it waits for a capture. */
      readonly type: 'AUTHORIZED'
      readonly gatewayRef: string
      readonly amount: number
      readonly currency: string
      /** When the reservation ends; null when the gateway does not say. */
      readonly expiresAt: Date | null
    }
  | {
      /** Nothing has moved: the customer has to answer a question of the bank first. */
      readonly type: 'REQUIRES_ACTION'
      readonly gatewayRef: string
      readonly nextAction: NextAction
      /** When the gateway stops waiting; null when it does not say. */
      readonly expiresAt: Date | null
    }

/** What an inquiry found. `FAILED_TO_ASK` proves nothing. */
export type LookupAnswer =
  | { readonly type: 'FOUND'; readonly outcome: ChargeOutcome }
  | { readonly type: 'NOT_FOUND' }
  | { readonly type: 'FAILED_TO_ASK'; readonly reason: string }

/** Names one attempt in an inquiry by our own key, because after a timeout the gateway's id is unknown. */
export interface LookupRequest {
  readonly kind: MovementKind
  /** The payment, capture, void or refund that the key is of. */
  readonly paymentId: string
  readonly gatewayKey: string
  readonly gatewayRef?: string | undefined
  /** Of a capture, void or refund: the gateway's id of the charge that it is about. */
  readonly chargeRef?: string | undefined
}

/** What came back with a customer who did what a charge required. */
export type ActionResult = Pick<ChargeRequest, 'paymentId' | 'attemptNo' | 'gatewayKey' | 'capture'> & {
  /** Under the gateway's own names, such as Adyen's `redirectResult`. Secret: never stored or logged. */
  readonly result: Readonly<Record<string, string>>
}

/** A webhook from the gateway, checked and read. One body may hold several: none counts unless each is the gateway's own. */
export type GatewayWebhook =
  | ReportedEvent
  | { readonly type: 'BATCH'; readonly items: readonly ReportedEvent[] }
  /** Not from the gateway, too old, or changed on the way. */
  | { readonly type: 'REFUSED'; readonly cause: WebhookRefusal; readonly reason: string }

/** One event of a gateway. */
export type ReportedEvent =
  | {
      readonly type: 'EVENT'
      /** The gateway's id of the event; the same for each copy of it. */
      readonly eventId: string
      readonly eventType: string
      /** The payment, capture, void or refund that it is about. */
      readonly paymentId: string
      readonly attemptNo: number
      readonly outcome: ChargeOutcome
      /**
       * Whether a decline is the gateway's last word, although the customer was asked, the money was reserved, or the
       * gateway had called it successful. @default false: a worker asks the gateway first
       */
      readonly isFinal?: boolean | undefined
    }
  /**
   * About a capture, void or refund that was made at the gateway itself, without a key of ours. Some gateways' voids carry
   * no key at all, so a void may be one of ours.
   */
  | {
      readonly type: 'MOVEMENT'
      readonly eventId: string
      readonly eventType: string
      readonly kind: Exclude<MovementKind, 'charge'>
      /** Key of the charge; absent when the event does not name it, as Stripe's of a refund do not. */
      readonly chargeKey?: string | undefined
      /** The gateway's id of the charge. */
      readonly chargeRef: string
      /** The gateway's id of the movement. */
      readonly gatewayRef: string
      readonly amount: number
      readonly currency: string
      readonly outcome: ChargeOutcome
    }
  /** About a charge that its cardholder disputes. */
  | {
      readonly type: 'DISPUTE'
      readonly eventId: string
      readonly eventType: string
      readonly dispute: DisputeRecord
      /** When the gateway said it: what it said before changes nothing. */
      readonly saidAt: Date
    }
  /** Signed by the gateway, but not about the outcome of a charge of ours. */
  | {
      readonly type: 'IGNORED'
      readonly eventId: string
      readonly eventType: string
      readonly reason: string
    }

/**
 * Why a webhook was refused, for metrics and logs. `no_signature`: missing or unreadable. `bad_signature`: another secret, or
 * changed on the way. `too_old`: a replay, or a wrong clock. `thin_event`: signed, but the endpoint at Stripe is set to thin
 * events, which hold no charge. `not_an_event`: signed, but of another shape.
 */
export const WEBHOOK_REFUSALS = [
  'no_signature',
  'bad_signature',
  'too_old',
  'thin_event',
  'not_an_event',
] as const

export type WebhookRefusal = (typeof WEBHOOK_REFUSALS)[number]

/** The right to call a gateway now, within its limits. */
export interface Admission {
  /** The gateway, for the one admitted conversation. */
  readonly gateway: Gateway
  /** Makes room for the next one. Idempotent. */
  release(): void
}

/** `open`: nothing is sent. `probing`: one request may find out, or is finding out, whether the gateway has recovered. */
export type CircuitStatus = 'closed' | 'open' | 'probing'

/** `test`: no real money moves. */
export type GatewayMode = 'test' | 'live'

/** One way to move money. */
export interface Gateway {
  /** Stored with each attempt; an attempt continues only at the gateway where it began. */
  readonly name: string
  /** Whether it moves test money or real money. @default unknown */
  readonly mode?: GatewayMode | undefined
  /** How long the gateway remembers a key, in milliseconds. A repeat after that would be a new charge. */
  readonly keyTtlMs: number
  /** Charges once per key. Must end soon after `signal` aborts; a thrown error counts as `UNKNOWN`. */
  charge(request: ChargeRequest, options: { readonly signal: AbortSignal }): Promise<ChargeOutcome>
  readonly lookup?:
    | ((request: LookupRequest, options: { readonly signal: AbortSignal }) => Promise<LookupAnswer>)
    | undefined
  /**
   * Captures, voids or refunds once per key, under the rules of `charge`. `PENDING`: the gateway decides a refund later.
   * Absent: the gateway can do none of it.
   */
  readonly move?:
    | ((request: MovementRequest, options: { readonly signal: AbortSignal }) => Promise<ChargeOutcome>)
    | undefined
  /**
   * Cancels an authorized or unfinished charge, then says what is true: a charge that succeeded meanwhile is found as
   * such, a canceled one as `DECLINED`.
   */
  readonly abandon?:
    | ((request: LookupRequest, options: { readonly signal: AbortSignal }) => Promise<LookupAnswer>)
    | undefined
  /**
   * Gives the gateway what came back with the customer, also again, then says what is true of the charge; a decline is the
   * last word. `NOT_FOUND`: it does not say that this is a result of this charge. Absent: it learns it by itself.
   */
  readonly completeAction?:
    | ((request: ActionResult, options: { readonly signal: AbortSignal }) => Promise<LookupAnswer>)
    | undefined
  /**
   * Lists what the gateway itself has on record of a span of time, by the time at which each was made, in pages. A record
   * that is listed twice counts once. Rejects when the gateway cannot be asked. Absent: its records cannot be compared.
   */
  readonly list?:
    | ((request: ListRequest, options: { readonly signal: AbortSignal }) => Promise<RecordPage>)
    | undefined
  /**
   * Waits until the gateway's limits leave room for one more conversation. Workers wait here before they take work, so
   * that work stays in the queue while the gateway is down or busy. Rejects with the signal's reason.
   */
  readonly admit?: ((options: { readonly signal: AbortSignal }) => Promise<Admission>) | undefined
  /** State of the circuit breaker in front of the gateway; absent without one. */
  readonly circuit?: CircuitStatus | undefined
  /** The header that a webhook is signed in. @default none: the body holds the signature, or the gateway sends no webhooks */
  readonly signatureHeader?: string | undefined
  /** Whether a payment may name no payment method. @default false */
  readonly hasDefaultMethod?: boolean | undefined
  /**
   * Checks and reads a webhook. `body` must be the received bytes, `signature` the header that authenticates it: the
   * signature itself, or a password where the body is signed within. When it throws or rejects, the gateway sends it again.
   */
  readonly parseWebhook?:
    | ((body: string | Uint8Array, signature: string | undefined) => GatewayWebhook | Promise<GatewayWebhook>)
    | undefined
  /** Closes connections. Idempotent. */
  close?(): Promise<void>
}
