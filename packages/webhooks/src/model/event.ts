import type { PaymentStatus } from '@titan/payments'

/**
 * Every type of event that an endpoint can subscribe to. The function that fills the outbox (`sql/0036_books.sql`)
 * has the same list; the other events of a payment or movement are internal.
 */
export const WEBHOOK_EVENT_TYPES = [
  'payment.created',
  'payment.queued',
  'payment.processing',
  'payment.authorized',
  'payment.requires_action',
  'payment.succeeded',
  'payment.failed',
  'payment.needs_review',
  'refund.created',
  'refund.succeeded',
  'refund.failed',
  'refund.needs_review',
  'capture.succeeded',
  'capture.failed',
  'void.succeeded',
  'void.failed',
  'dispute.opened',
  'dispute.updated',
  'dispute.closed',
  'endpoint.disabled',
] as const

/** A type of event that an endpoint can subscribe to. */
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number]

/** The types of events of payments. */
export type PaymentWebhookType = Extract<WebhookEventType, `payment.${string}`>
/** The types of events of refunds, captures and voids. */
export type MovementWebhookType = Exclude<
  WebhookEventType,
  PaymentWebhookType | DisputeWebhookType | 'endpoint.disabled'
>
/** The types of events of disputes. */
export type DisputeWebhookType = Extract<WebhookEventType, `dispute.${string}`>

/** Goes only to the endpoint under test, whatever it is subscribed to. */
export const TEST_EVENT_TYPE = 'endpoint.test'

/** The body of a webhook. */
export type WebhookPayload =
  | {
      readonly type: PaymentWebhookType
      /** When it happened, ISO 8601. */
      readonly timestamp: string
      readonly data: PaymentData
    }
  | { readonly type: MovementWebhookType; readonly timestamp: string; readonly data: MovementData }
  | { readonly type: DisputeWebhookType; readonly timestamp: string; readonly data: DisputeData }
  | { readonly type: 'endpoint.disabled'; readonly timestamp: string; readonly data: DisabledData }
  | {
      readonly type: typeof TEST_EVENT_TYPE
      readonly timestamp: string
      readonly data: { readonly endpoint_id: string }
    }

/** What a webhook says about a payment. */
export interface PaymentData {
  readonly payment_id: string
  /** Minor units of the currency. */
  readonly amount: number
  readonly currency: string
  /** Status of the payment from this event on; the present one is at `GET /payments/{payment_id}`. */
  readonly status: PaymentStatus
  /** Orders the events of one payment; they may arrive in any order, and not every number is sent. */
  readonly sequence: number
  /** What the payment said of itself, as it was sent to `POST /pay`; absent when it did not, or was erased. */
  readonly reference?: string | undefined
  readonly description?: string | undefined
  readonly statement_descriptor?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** What a webhook says about a refund, capture or void, whose id it has under the name of its kind. */
export type MovementData = PaymentData &
  ({ readonly refund_id: string } | { readonly capture_id: string } | { readonly void_id: string })

/** What a webhook says about a dispute, besides the payment whose charge it is about. */
export type DisputeData = PaymentData & {
  /** The gateway's id of it. */
  readonly dispute_id: string
  readonly dispute_status: string
  /** Minor units. */
  readonly disputed_amount: number
  readonly disputed_currency: string
  /** Why, in the gateway's words. */
  readonly reason?: string | undefined
  /** Until when the merchant can answer, ISO 8601. */
  readonly respond_by?: string | undefined
}

/** What a webhook says about a disabled endpoint. */
export interface DisabledData {
  readonly endpoint_id: string
  readonly url: string
  readonly reason: 'gone' | 'failing'
}

/** An event that is ready to be stored; its bytes never change. */
export type OutgoingEvent = ReturnType<typeof outgoing>

/** What an event is about. */
export interface EventSubject {
  readonly paymentId: string | null
  /** Whose endpoints receive it; null for default. */
  readonly account: string | null
}

/**
 * Creates an event with the body as it is signed and sent.
 *
 * @param at when it happened, as PostgreSQL writes it, because a Date would lose its microseconds
 */
export function outgoing(id: string, subject: EventSubject, payload: WebhookPayload, at = payload.timestamp) {
  return { id, type: payload.type, ...subject, payload: JSON.stringify(payload), at }
}
