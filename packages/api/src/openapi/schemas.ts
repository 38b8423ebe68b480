import { BATCH_SCHEMAS } from '../schemas/batch.ts'
import { MOVEMENT_SCHEMAS } from '../schemas/movements.ts'
import { PAYMENT_SCHEMAS } from '../schemas/payments.ts'
import { SUMMARY_SCHEMAS } from '../schemas/summary.ts'
import { SERVICE_SCHEMAS } from '../schemas/service.ts'
import { WEBHOOK_SCHEMAS } from '../schemas/webhooks.ts'

/** The schemas of response bodies, by name. Those of requests come with their operations. */
export const SCHEMAS = {
  ...PAYMENT_SCHEMAS,
  ...BATCH_SCHEMAS,
  ...SUMMARY_SCHEMAS,
  ...MOVEMENT_SCHEMAS,
  ...WEBHOOK_SCHEMAS,
  ...SERVICE_SCHEMAS,
}

/** The name of the schema of a response body. */
export type SchemaName = keyof typeof SCHEMAS

const CREATED_AT = '2026-11-24T12:00:00.123Z'
const UPDATED_AT = '2026-11-24T12:00:01.456Z'
const created = { payment_id: 'pay_019aa1b2c3d47e5f86a7b8c9d0e1f2a3', amount: 500, currency: 'USD' }
const accepted = { ...created, status: 'PENDING', created_at: CREATED_AT }
const payment = {
  ...created,
  status: 'SUCCESS',
  attempts: 1,
  gateway: 'stripe',
  created_at: CREATED_AT,
  updated_at: UPDATED_AT,
}
const asked = {
  payment_id: created.payment_id,
  amount: 200,
  status: 'PENDING',
  currency: 'USD',
  created_at: UPDATED_AT,
}
const done = {
  payment_id: created.payment_id,
  amount: 200,
  status: 'SUCCESS',
  currency: 'USD',
  attempts: 1,
  created_at: UPDATED_AT,
  updated_at: '2026-11-24T12:00:02.789Z',
}
const refund = { refund_id: 'ref_019aa1b2c9e07c1d8e2f3a4b5c6d72a3', ...done, reason: 'one of two was broken' }
const CAPTURE_ID = 'cap_019aa1b2c9e07c1d8e2f3a4b5c6d72a3'
const VOID_ID = 'void_019aa1b2c9e07c1d8e2f3a4b5c6d72a3'
const endpoint = {
  endpoint_id: 'we_019aa1b2c3d47e5f86a7b8c9d0e1f2a3',
  url: 'https://shop.example/webhooks',
  description: 'the shop',
  event_types: ['payment.succeeded', 'payment.failed'],
  enabled: true,
  disabled_at: null,
  disabled_reason: null,
  failing_since: null,
  paused_until: null,
  old_secret_until: null,
  created_at: CREATED_AT,
  updated_at: CREATED_AT,
}
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const event = {
  event_id: 'evt_019aa1b2c3d47e5f86a7b8c9d0e1f2a3_4',
  type: 'payment.succeeded',
  payment_id: created.payment_id,
  at: UPDATED_AT,
  payload: {
    type: 'payment.succeeded',
    timestamp: UPDATED_AT,
    data: { ...created, status: 'SUCCESS', sequence: 4 },
  },
}
const delivery = {
  delivery_id: 'dlv_42',
  event_id: event.event_id,
  endpoint_id: endpoint.endpoint_id,
  status: 'DELIVERED',
  attempts: 1,
  next_attempt_at: null,
  last_code: 204,
  last_error: null,
  created_at: UPDATED_AT,
  updated_at: UPDATED_AT,
}
const attempt = {
  attempt: 1,
  at: UPDATED_AT,
  duration_ms: 84,
  code: 204,
  error: null,
  detail: null,
  response: null,
}
const firstPaymentEvent = {
  event_id: 'evt_019aa1b2c3d47e5f86a7b8c9d0e1f2a3_1',
  sequence: 1,
  type: 'payment.created',
  from_status: null,
  to_status: 'PENDING',
  at: CREATED_AT,
}
const dispute = {
  dispute_id: 'du_1MtJUT2eZvKYlo2CNaw2HvEv',
  amount: 500,
  currency: 'USD',
  status: 'needs_response',
  reason: 'fraudulent',
  respond_by: '2026-12-01T23:59:59.000Z',
  opened_at: UPDATED_AT,
  updated_at: UPDATED_AT,
}
const lastPage = { has_more: false, next_cursor: null }

/** An example of each. Those of problems are made for each code. */
export const EXAMPLES: Partial<Record<SchemaName, object>> = {
  AcceptedPayment: accepted,
  PaymentSummary: {
    data: [
      {
        period: '2026-11-24',
        currency: 'USD',
        status: 'SUCCESS',
        gateway: 'stripe',
        payments: 1,
        amount: 500,
        amount_captured: 500,
        amount_refunded: 0,
      },
    ],
  },
  BatchResult: { results: [{ index: 0, payment: accepted }] },
  Payment: payment,
  PaymentPage: { data: [payment], has_more: true, next_cursor: 'cGF5XzAxOWFhMWIyLkx2cVVw' },
  PaymentEventList: { data: [firstPaymentEvent] },
  Dispute: dispute,
  DisputeList: { data: [dispute] },
  AcceptedRefund: { refund_id: refund.refund_id, ...asked },
  Refund: refund,
  RefundList: { data: [refund] },
  RefundPage: { data: [refund], ...lastPage },
  AcceptedCapture: { capture_id: CAPTURE_ID, ...asked },
  Capture: { capture_id: CAPTURE_ID, ...done },
  AcceptedVoid: { void_id: VOID_ID, ...asked, amount: 500 },
  Void: { void_id: VOID_ID, ...done, amount: 500 },
  WebhookEndpoint: endpoint,
  CreatedWebhookEndpoint: { ...endpoint, secret },
  WebhookEndpointPage: { data: [endpoint], ...lastPage },
  RotatedSecret: { secret, old_secret_until: '2026-11-25T12:00:00.000Z' },
  WebhookDelivery: delivery,
  WebhookDeliveryWithHistory: { ...delivery, history: [attempt] },
  WebhookDeliveryPage: { data: [delivery], ...lastPage },
  WebhookDeliveryList: { data: [delivery] },
  WebhookEvent: event,
  WebhookPayload: event.payload,
  WebhookEventPage: { data: [event], ...lastPage },
  Redelivered: { redelivered: 1 },
  GatewayWebhookReceived: { received: true },
  Health: { status: 'ok' },
  Readiness: {
    status: 'ready',
    checks: { postgres: 'up', redis: 'up' },
    requests: { in_flight: 3, limit: 1000 },
  },
}
