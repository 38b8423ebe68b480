/** What the webhook routes answer, as valibot schemas. The types tie them to the functions that make the answers. */
import { DELIVERY_STATUSES, TEST_EVENT_TYPE, WEBHOOK_EVENT_TYPES } from '@titan/webhooks'
import * as v from 'valibot'
import type { AttemptBody, DeliveryBody, EndpointBody, WebhookEventBody } from '../webhooks/present.ts'
import { instant } from './answers.ts'

const endpoint = {
  endpoint_id: v.string(),
  url: v.pipe(
    v.string(),
    v.description('A key without the scope admin sees the host only: https://example.com/***'),
  ),
  description: v.string(),
  event_types: v.pipe(
    v.nullable(v.pipe(v.array(v.string()), v.readonly())),
    v.description(`Some of ${WEBHOOK_EVENT_TYPES.join(', ')}; null is all`),
  ),
  enabled: v.boolean(),
  disabled_at: v.nullable(instant),
  disabled_reason: v.pipe(v.nullable(v.string()), v.description('gone, failing or operator')),
  failing_since: v.pipe(v.nullable(instant), v.description('Every attempt has failed since then')),
  paused_until: v.pipe(v.nullable(instant), v.description('Nothing is sent until then')),
  old_secret_until: v.pipe(
    v.nullable(instant),
    v.description('The secret before signs beside the present one until then'),
  ),
  created_at: instant,
  updated_at: instant,
}
const secret = v.pipe(v.string(), v.description('The signing secret. It is shown this once'))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** A webhook endpoint. */
export const endpointAnswer: v.GenericSchema<EndpointBody> = v.object(endpoint)

/** The answer to `POST /webhook-endpoints`. */
export const createdEndpointAnswer: v.GenericSchema<EndpointBody & { readonly secret: string }> = v.object({
  ...endpoint,
  secret,
})

/** The answer to `POST /webhook-endpoints/{endpoint_id}/rotate-secret`. */
export const rotatedSecretAnswer: v.GenericSchema = v.object({
  secret,
  old_secret_until: v.nullable(instant),
})

const delivery = {
  delivery_id: v.string(),
  event_id: v.string(),
  endpoint_id: v.string(),
  status: v.pipe(v.string(), v.description(`One of ${DELIVERY_STATUSES.join(', ')}`)),
  attempts: count,
  next_attempt_at: v.nullable(instant),
  last_code: v.pipe(v.nullable(v.number()), v.description('HTTP status of the latest attempt')),
  last_error: v.nullable(v.string()),
  created_at: instant,
  updated_at: instant,
}

/** One event to one endpoint. */
export const deliveryAnswer: v.GenericSchema<DeliveryBody> = v.object(delivery)

const attemptAnswer: v.GenericSchema<AttemptBody> = v.object({
  attempt: count,
  at: instant,
  duration_ms: v.number(),
  code: v.nullable(v.number()),
  error: v.nullable(v.string()),
  detail: v.nullable(v.string()),
  response: v.pipe(v.nullable(v.string()), v.description('The beginning of what the endpoint answered')),
})

/** The answer to `GET /webhook-deliveries/{delivery_id}`. */
export const deliveryWithHistoryAnswer: v.GenericSchema = v.object({
  ...delivery,
  history: v.array(attemptAnswer),
})

/** An event that had a receiver. */
export const eventAnswer: v.GenericSchema<WebhookEventBody> = v.object({
  event_id: v.pipe(v.string(), v.description('The header webhook-id of every attempt to every endpoint')),
  type: v.pipe(v.string(), v.description(`Such as ${WEBHOOK_EVENT_TYPES[0]} or ${TEST_EVENT_TYPE}`)),
  payment_id: v.nullable(v.string()),
  at: instant,
  payload: v.pipe(v.unknown(), v.description('The body that is sent')),
})

/** How many deliveries are sent again. */
export const redeliveredAnswer: v.GenericSchema = v.object({ redelivered: count })
