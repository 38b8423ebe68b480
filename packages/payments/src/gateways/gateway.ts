import type { CircuitStatus } from './circuit.ts'

/** What is sent to a gateway. Frozen with the attempt: under one key it never changes. */
export interface ChargeRequest {
  readonly paymentId: string
  readonly attemptNo: number
  /** The idempotency key at the gateway. The same key with the same request is charged at most once. */
  readonly gatewayKey: string
  /** Minor units of the currency. */
  readonly amount: number
  readonly currency: string
}

/**
 * What is known after talking to a gateway. When in doubt an adapter answers `UNKNOWN`: a wrong `UNKNOWN` costs
 * another request under the same key, a wrong anything else costs money.
 */
export type ChargeOutcome =
  | {
      readonly type: 'SUCCEEDED'
      /** The gateway's id of the charge. */
      readonly gatewayRef: string
      /** What the gateway says it has charged; anything else than what was asked is never a success. */
      readonly amount: number
      readonly currency: string
    }
  | {
      /** The gateway itself refused, and has stored that answer under the key. */
      readonly type: 'DECLINED'
      readonly code: string
      /** `hard` is final; `soft` may succeed later, in a new attempt. */
      readonly kind: 'hard' | 'soft'
      readonly gatewayRef?: string
    }
  | {
      /**
       * The gateway refused the request itself as one that it cannot take, and nothing was charged by it. Says nothing
       * about an earlier request under the key, unless it is what the gateway has stored there.
       */
      readonly type: 'REJECTED'
      readonly code: string
      readonly reason: string
      /** `payment`: its amount or currency can never be taken. `config`: anything else in the request is ours to mend. */
      readonly fault: 'payment' | 'config'
      /** The answer of the first request under the key, repeated: it holds for every request under it. */
      readonly isReplay: boolean
    }
  | {
      /** This request has certainly not been processed, and will not be. */
      readonly type: 'NOT_SENT'
      readonly reason: string
      /** `network`: no connection. `throttled`: 429 or a limit of ours. `config`: key or account refused. Only `network` uses up retries. @default 'network' */
      readonly fault?: 'network' | 'throttled' | 'config'
      /** When the gateway asked to come back, in milliseconds from now. */
      readonly retryAfterMs?: number
    }
  | {
      /** Money may have moved: timeout or reset after sending, 5xx, an answer that cannot be read. */
      readonly type: 'UNKNOWN'
      readonly reason: string
    }
  | {
      /** The gateway has it and will decide later. */
      readonly type: 'PENDING'
      readonly gatewayRef?: string
    }

/** What an inquiry found. `FAILED_TO_ASK` proves nothing about the charge. */
export type LookupAnswer =
  | { readonly type: 'FOUND'; readonly outcome: ChargeOutcome }
  | { readonly type: 'NOT_FOUND' }
  | { readonly type: 'FAILED_TO_ASK'; readonly reason: string }

/** Names one attempt in an inquiry: by our own key, since after a timeout there is no id of the gateway's. */
export interface LookupRequest {
  readonly paymentId: string
  readonly gatewayKey: string
  readonly gatewayRef?: string
}

/** A webhook of the gateway's, read and checked. */
export type GatewayWebhook =
  | {
      readonly type: 'EVENT'
      /** The gateway's id of the event; the same for each copy of it. */
      readonly eventId: string
      readonly eventType: string
      readonly paymentId: string
      readonly attemptNo: number
      /** Names the attempt that the outcome is about. */
      readonly gatewayKey: string
      readonly gatewayRef: string
      readonly outcome: ChargeOutcome
    }
  /** Signed by the gateway, but not about the outcome of a charge of ours. */
  | {
      readonly type: 'IGNORED'
      readonly eventId: string
      readonly eventType: string
      readonly reason: string
    }
  /** Not from the gateway, too old, or changed on the way. */
  | { readonly type: 'REFUSED'; readonly cause: WebhookRefusal; readonly reason: string }

/** Why a webhook was refused: for metrics and logs. The list is closed. */
export type WebhookRefusal = 'no_signature' | 'bad_signature' | 'too_old' | 'thin_event' | 'not_an_event'

/**
 * Every {@link WebhookRefusal}. `no_signature`: none, or one that cannot be read. `bad_signature`: another secret, or changed
 * on the way. `too_old`: a replay, or a clock that is wrong. `thin_event`: signed, but the endpoint at Stripe is set to thin
 * events, which hold no charge. `not_an_event`: signed, but of another shape.
 */
export const WEBHOOK_REFUSALS: readonly WebhookRefusal[] = [
  'no_signature',
  'bad_signature',
  'too_old',
  'thin_event',
  'not_an_event',
]

/** The right to talk to a gateway now, within its limits. */
export interface Admission {
  /** The gateway, for the one conversation that was admitted. */
  readonly gateway: Gateway
  /** Makes room for the next one. Idempotent. */
  release(): void
}

/** One way to move money. Adding a gateway is one file that makes one of these. */
export interface Gateway {
  /** Stored with each attempt; an attempt is only ever continued at the gateway where it began. */
  readonly name: string
  /** How long the gateway remembers a key, in milliseconds. A replay after that would be a new charge. */
  readonly keyTtlMs: number
  /** Charges once per key. Must end soon after `signal` aborts; a thrown error counts as `UNKNOWN`. */
  charge(request: ChargeRequest, options: { readonly signal: AbortSignal }): Promise<ChargeOutcome>
  /** Asks what became of an attempt. */
  lookup?(request: LookupRequest, options: { readonly signal: AbortSignal }): Promise<LookupAnswer>
  /**
   * Waits until the gateway's limits leave room for one more conversation. Whoever takes work waits here first, so that
   * work stays where it is while the gateway is down or busy. Rejects with the signal's reason.
   */
  admit?(options: { readonly signal: AbortSignal }): Promise<Admission>
  /** State of the circuit breaker in front of it; absent where there is none. */
  readonly circuit?: CircuitStatus
  /** Checks and reads a webhook. `body` is the bytes that came, `signature` the header that the gateway signs with. */
  parseWebhook?(body: string | Uint8Array, signature: string | undefined): GatewayWebhook
  /** Gives up connections. Idempotent. */
  close?(): Promise<void>
}
