// What is stored of webhooks, and the ids of it.
import { uuidv7obj } from 'uuidv7'
import type { AttemptFailure } from './decision.ts'
import type { WebhookEventType, WebhookPayload } from './event.ts'

/** A receiver of events. Its secrets are shown once, when they are created. */
export interface WebhookEndpoint {
  /** `we_` and 32 hexadecimal digits. */
  readonly id: string
  readonly url: string
  /** Whose events it receives. */
  readonly account: string
  readonly description: string
  /** The types that it receives; null for every type. */
  readonly eventTypes: readonly WebhookEventType[] | null
  readonly disabledAt: Date | null
  /** It answered 410, it failed for too long, or an operator disabled it. */
  readonly disabledReason: 'gone' | 'failing' | 'operator' | null
  /** Every attempt as of then has failed. */
  readonly firstFailureAt: Date | null
  /** Nothing is sent before then. */
  readonly pausedUntil: Date | null
  /** Until then the previous secret signs too. */
  readonly oldSecretUntil: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** An event that had a receiver. */
export interface WebhookEvent {
  /** The `webhook-id` of every attempt to every endpoint. */
  readonly id: string
  readonly type: WebhookPayload['type']
  readonly paymentId: string | null
  /** The body that is sent. */
  readonly payload: string
  readonly at: Date
}

/** The statuses of a delivery. */
export const DELIVERY_STATUSES = ['PENDING', 'DELIVERED', 'FAILED'] as const
/** One of {@link DELIVERY_STATUSES}. */
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

/** One event to one endpoint. */
export interface WebhookDelivery {
  /** `dlv_` and a number. */
  readonly id: string
  readonly eventId: string
  readonly endpointId: string
  readonly status: DeliveryStatus
  /** Attempts so far. */
  readonly attempts: number
  /** When the next one is due; null when there is none. */
  readonly nextAttemptAt: Date | null
  /** HTTP status of the latest attempt, if it had one. */
  readonly lastCode: number | null
  /** Why the latest attempt failed, or why there was none. */
  readonly lastError: AttemptFailure | 'endpoint_disabled' | 'endpoint_deleted' | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** One request to an endpoint, and its result. */
export interface WebhookAttempt {
  /** From 1. */
  readonly attemptNo: number
  /** When it ended. */
  readonly at: Date
  readonly durationMs: number
  readonly code: number | null
  /** Null for a success. */
  readonly error: AttemptFailure | null
  readonly detail: string | null
  /** The beginning of the response body. */
  readonly response: string | null
}

/** Creates an endpoint id: `we_` and the 32 hexadecimal digits of a UUIDv7. */
export function newEndpointId() {
  return `we_${uuidv7obj().toHex()}`
}

/** Creates the id of an event that belongs to no payment. */
export function newEventId() {
  return `evt_${uuidv7obj().toHex()}`
}

/** Returns where an event stands among all: its id without `evt_` and the kind of a movement, which begins with a time. */
export function eventPositionOf(id: string) {
  return id.replace(/^evt_((cap|ref|void)_)?/, '')
}

/** Returns the public id of a delivery. */
export function deliveryIdOf(number: number) {
  return `dlv_${number}`
}

/** Returns the number behind the public id of a delivery; undefined when the text is none. */
export function deliveryNumberOf(id: string) {
  const digits = /^dlv_([1-9]\d{0,15})$/.exec(id)?.[1]
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Returns whether PostgreSQL can search for an id: its texts cannot hold NUL. */
export function isStorable(id: string) {
  return !id.includes('\0')
}
