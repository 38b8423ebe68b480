import type { AttemptFailure } from './decision.ts'
import type { WebhookPayload } from './event.ts'

/** The three statuses of a delivery. */
export const DELIVERY_STATUSES = ['PENDING', 'DELIVERED', 'FAILED'] as const
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

/** One page of a list. */
export interface PageRequest {
  /** Continues after this id, the last of the page before. */
  readonly after?: string | undefined
  /** 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

/** Which deliveries to send again. */
export interface RedeliveryRange {
  /** Created at or after. @default the beginning */
  readonly since?: Date | undefined
  /** Created before. @default now */
  readonly until?: Date | undefined
  /** @default 'FAILED' */
  readonly status?: 'FAILED' | 'DELIVERED' | undefined
}
