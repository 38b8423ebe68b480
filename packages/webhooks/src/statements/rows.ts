import type { WebhookAttempt, WebhookDelivery, WebhookEvent } from '../delivery.ts'
import type { WebhookEndpoint } from '../endpoint.ts'
import { deliveryIdOf } from '../identifiers.ts'

/** A row of `webhook_endpoints` as the driver reads it. */
export interface EndpointRow {
  readonly id: string
  readonly url: string
  readonly description: string
  readonly event_types: WebhookEndpoint['eventTypes']
  readonly disabled_at: Date | null
  readonly disabled_reason: WebhookEndpoint['disabledReason']
  readonly first_failure_at: Date | null
  readonly paused_until: Date | null
  readonly old_secret_until: Date | null
  readonly created_at: Date
  readonly updated_at: Date
}

/** The one mapping of an endpoint's columns. The secrets are not among them. */
export function toEndpoint(row: EndpointRow): WebhookEndpoint {
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    disabledAt: row.disabled_at,
    disabledReason: row.disabled_reason,
    firstFailureAt: row.first_failure_at,
    pausedUntil: row.paused_until,
    oldSecretUntil: row.old_secret_until,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** A row of `webhook_deliveries` as the driver reads it. */
export interface DeliveryRow {
  readonly id: number
  readonly event_id: string
  readonly endpoint_id: string
  readonly status: WebhookDelivery['status']
  readonly attempts: number
  readonly next_attempt_at: Date | null
  readonly last_code: number | null
  readonly last_error: WebhookDelivery['lastError']
  readonly created_at: Date
  readonly updated_at: Date
}

/** The one mapping of a delivery's columns. */
export function toDelivery(row: DeliveryRow): WebhookDelivery {
  return {
    id: deliveryIdOf(row.id),
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastCode: row.last_code,
    lastError: row.last_error,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** A row of `webhook_attempts` as the driver reads it. */
export interface AttemptRow {
  readonly attempt_no: number
  readonly at: Date
  readonly duration_ms: number
  readonly code: number | null
  readonly error: WebhookAttempt['error']
  readonly detail: string | null
  readonly response: string | null
}

/** The one mapping of an attempt's columns. */
export function toAttempt(row: AttemptRow): WebhookAttempt {
  return {
    attemptNo: row.attempt_no,
    at: row.at,
    durationMs: row.duration_ms,
    code: row.code,
    error: row.error,
    detail: row.detail,
    response: row.response,
  }
}

/** A row of `webhook_events` as the driver reads it. */
export interface EventRow {
  readonly id: string
  readonly type: WebhookEvent['type']
  readonly payment_id: string | null
  readonly payload: string
  readonly at: Date
}

/** The one mapping of an event's columns. */
export function toEvent(row: EventRow): WebhookEvent {
  return { id: row.id, type: row.type, paymentId: row.payment_id, payload: row.payload, at: row.at }
}
