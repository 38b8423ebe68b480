import {
  DELIVERY_STATUSES,
  TEST_EVENT_TYPE,
  WEBHOOK_EVENT_TYPES,
  type WebhookAttempt,
  type WebhookDelivery,
  type WebhookEndpoint,
  type WebhookEvent,
} from '@titan/webhooks'
import * as v from 'valibot'
import { count, described, instant, listOf, pageOf } from './parts.ts'
import { webhookPayload } from './webhook-payloads.ts'

const endpoint = v.object({
  endpoint_id: v.string(),
  url: described(v.string(), 'A key without the scope admin sees the host only: https://example.com/***'),
  description: v.string(),
  event_types: described(
    v.nullable(v.pipe(v.array(v.string()), v.readonly())),
    `Some of ${WEBHOOK_EVENT_TYPES.join(', ')}; null is all`,
  ),
  enabled: v.boolean(),
  disabled_at: v.nullable(instant),
  disabled_reason: described(v.nullable(v.string()), 'gone, failing or operator'),
  failing_since: described(v.nullable(instant), 'Every attempt has failed since then'),
  paused_until: described(v.nullable(instant), 'Nothing is sent until then'),
  old_secret_until: described(
    v.nullable(instant),
    'Requests are also signed with the previous secret until then',
  ),
  created_at: instant,
  updated_at: instant,
})
const secret = described(v.string(), 'The signing secret, shown only once')
const delivery = v.object({
  delivery_id: v.string(),
  event_id: v.string(),
  endpoint_id: v.string(),
  status: described(v.string(), `One of ${DELIVERY_STATUSES.join(', ')}`),
  attempts: count,
  next_attempt_at: v.nullable(instant),
  last_code: described(v.nullable(v.number()), 'HTTP status of the latest attempt'),
  last_error: v.nullable(v.string()),
  created_at: instant,
  updated_at: instant,
})
const attempt = v.object({
  attempt: count,
  at: instant,
  duration_ms: v.number(),
  code: v.nullable(v.number()),
  error: v.nullable(v.string()),
  detail: v.nullable(v.string()),
  response: described(v.nullable(v.string()), "The beginning of the receiver's response"),
})
const webhookEvent = v.object({
  event_id: described(v.string(), 'The header webhook-id of every attempt to every endpoint'),
  type: described(v.string(), `Such as ${WEBHOOK_EVENT_TYPES[0]} or ${TEST_EVENT_TYPE}`),
  payment_id: v.nullable(v.string()),
  at: instant,
  payload: webhookPayload,
})

/** The response bodies of webhooks, by their names in the document. */
export const WEBHOOK_SCHEMAS = {
  WebhookPayload: webhookPayload,
  WebhookEndpoint: endpoint,
  CreatedWebhookEndpoint: v.object({ ...endpoint.entries, secret }),
  WebhookEndpointPage: pageOf(endpoint),
  RotatedSecret: v.object({ secret, old_secret_until: v.nullable(instant) }),
  WebhookDelivery: delivery,
  WebhookDeliveryWithHistory: v.object({ ...delivery.entries, history: v.array(attempt) }),
  WebhookDeliveryPage: pageOf(delivery),
  WebhookDeliveryList: listOf(delivery),
  WebhookEvent: webhookEvent,
  WebhookEventPage: pageOf(webhookEvent),
  Redelivered: v.object({ redelivered: count }),
}

/**
 * Presents an endpoint. Receivers put tokens into the paths and queries of their URLs, so only callers who may change
 * endpoints see more than the host.
 */
export function presentEndpoint(given: WebhookEndpoint, seesUrl: boolean) {
  return {
    endpoint_id: given.id,
    url: seesUrl ? given.url : `${new URL(given.url).origin}/***`,
    description: given.description,
    event_types: given.eventTypes,
    enabled: given.disabledAt === null,
    disabled_at: textOf(given.disabledAt),
    disabled_reason: given.disabledReason,
    failing_since: textOf(given.firstFailureAt),
    paused_until: futureOf(given.pausedUntil),
    old_secret_until: futureOf(given.oldSecretUntil),
    created_at: given.createdAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
  } satisfies v.InferOutput<typeof endpoint>
}

export function presentDelivery(given: WebhookDelivery) {
  return {
    delivery_id: given.id,
    event_id: given.eventId,
    endpoint_id: given.endpointId,
    status: given.status,
    attempts: given.attempts,
    next_attempt_at: textOf(given.nextAttemptAt),
    last_code: given.lastCode,
    last_error: given.lastError,
    created_at: given.createdAt.toISOString(),
    updated_at: given.updatedAt.toISOString(),
  } satisfies v.InferOutput<typeof delivery>
}

export function presentAttempt(given: WebhookAttempt) {
  return {
    attempt: given.attemptNo,
    at: given.at.toISOString(),
    duration_ms: given.durationMs,
    code: given.code,
    error: given.error,
    detail: given.detail,
    response: given.response,
  } satisfies v.InferOutput<typeof attempt>
}

export function presentWebhookEvent(given: WebhookEvent): v.InferOutput<typeof webhookEvent> {
  return {
    event_id: given.id,
    type: given.type,
    payment_id: given.paymentId,
    at: given.at.toISOString(),
    payload: JSON.parse(given.payload) as v.InferOutput<typeof webhookPayload>,
  }
}

function textOf(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}

/** Presents a time that is still to come; a past one means nothing any more. */
function futureOf(date: Date | null): string | null {
  return date === null || date.getTime() <= Date.now() ? null : date.toISOString()
}
