import type { WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent } from '@titan/webhooks'

/** An endpoint as the API shows it. */
export interface EndpointBody {
  readonly endpoint_id: string
  readonly url: string
  readonly description: string
  readonly event_types: readonly string[] | null
  readonly enabled: boolean
  readonly disabled_at: string | null
  readonly disabled_reason: string | null
  /** Every attempt has failed since then. */
  readonly failing_since: string | null
  readonly paused_until: string | null
  readonly old_secret_until: string | null
  readonly created_at: string
  readonly updated_at: string
}

/**
 * An endpoint as the API shows it. Receivers put tokens into paths and queries of their URLs, so only a caller who may change
 * endpoints sees more than the host.
 */
export function presentEndpoint(endpoint: WebhookEndpoint, seesUrl: boolean): EndpointBody {
  return {
    endpoint_id: endpoint.id,
    url: seesUrl ? endpoint.url : `${new URL(endpoint.url).origin}/***`,
    description: endpoint.description,
    event_types: endpoint.eventTypes,
    enabled: endpoint.disabledAt === null,
    disabled_at: timeOf(endpoint.disabledAt),
    disabled_reason: endpoint.disabledReason,
    failing_since: timeOf(endpoint.firstFailureAt),
    paused_until: ahead(endpoint.pausedUntil),
    old_secret_until: ahead(endpoint.oldSecretUntil),
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  }
}

/** A delivery as the API shows it. */
export interface DeliveryBody {
  readonly delivery_id: string
  readonly event_id: string
  readonly endpoint_id: string
  readonly status: string
  readonly attempts: number
  readonly next_attempt_at: string | null
  readonly last_code: number | null
  readonly last_error: string | null
  readonly created_at: string
  readonly updated_at: string
}

export function presentDelivery(delivery: WebhookDelivery): DeliveryBody {
  return {
    delivery_id: delivery.id,
    event_id: delivery.eventId,
    endpoint_id: delivery.endpointId,
    status: delivery.status,
    attempts: delivery.attempts,
    next_attempt_at: timeOf(delivery.nextAttemptAt),
    last_code: delivery.lastCode,
    last_error: delivery.lastError,
    created_at: delivery.createdAt.toISOString(),
    updated_at: delivery.updatedAt.toISOString(),
  }
}

/** An attempt as the API shows it. */
export interface AttemptBody {
  readonly attempt: number
  readonly at: string
  readonly duration_ms: number
  readonly code: number | null
  readonly error: string | null
  readonly detail: string | null
  readonly response: string | null
}

export function presentAttempt(attempt: WebhookAttempt): AttemptBody {
  return {
    attempt: attempt.attemptNo,
    at: attempt.at.toISOString(),
    duration_ms: attempt.durationMs,
    code: attempt.code,
    error: attempt.error,
    detail: attempt.detail,
    response: attempt.response,
  }
}

/** An event as the API shows it. */
export interface WebhookEventBody {
  readonly event_id: string
  readonly type: string
  readonly payment_id: string | null
  readonly at: string
  /** The body that is sent. */
  readonly payload: unknown
}

export function presentEvent(event: WebhookEvent): WebhookEventBody {
  return {
    event_id: event.id,
    type: event.type,
    payment_id: event.paymentId,
    at: event.at.toISOString(),
    payload: JSON.parse(event.payload) as unknown,
  }
}

function timeOf(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}

/** A time that is over says nothing any more. */
function ahead(date: Date | null): string | null {
  return date === null || date.getTime() <= Date.now() ? null : date.toISOString()
}
