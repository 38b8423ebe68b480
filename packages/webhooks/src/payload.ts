import type { PaymentStatus } from '@titan/payments'
import { TEST_EVENT_TYPE, type WebhookEventType } from './event-types.ts'

/** The body of a webhook. */
export type WebhookPayload =
  | {
      readonly type: Exclude<WebhookEventType, 'endpoint.disabled'>
      /** When it happened, ISO 8601. */
      readonly timestamp: string
      readonly data: PaymentData
    }
  | { readonly type: 'endpoint.disabled'; readonly timestamp: string; readonly data: DisabledData }
  | {
      readonly type: typeof TEST_EVENT_TYPE
      readonly timestamp: string
      readonly data: { readonly endpoint_id: string }
    }

/** What a webhook tells of a payment. */
export interface PaymentData {
  readonly payment_id: string
  /** Minor units of the currency. */
  readonly amount: number
  readonly currency: string
  /** The status that the payment had from this event on; the present one is at `GET /payments/{payment_id}`. */
  readonly status: PaymentStatus
  /** Orders the events of one payment; they may arrive in any order, and not every number is sent. */
  readonly sequence: number
}

/** What a webhook tells of an endpoint that was disabled. */
export interface DisabledData {
  readonly endpoint_id: string
  readonly url: string
  readonly reason: 'gone' | 'failing'
}

/** An event, ready to be stored: from here on its bytes never change. */
export interface OutgoingEvent {
  readonly id: string
  readonly type: WebhookPayload['type']
  readonly paymentId: string | null
  /** The body, as it is signed and sent. */
  readonly payload: string
  /** When it happened, as PostgreSQL writes it: a Date would lose its microseconds. */
  readonly at: string
}

/** Writes the body. */
export function encodePayload(payload: WebhookPayload): string {
  return JSON.stringify(payload)
}
