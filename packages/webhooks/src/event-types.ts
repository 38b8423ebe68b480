/**
 * Every type of event that can be subscribed to. The same list is in the trigger that fills the outbox
 * (`sql/0010_webhooks.sql`); the other events of a payment are internal.
 */
export const WEBHOOK_EVENT_TYPES = [
  'payment.created',
  'payment.queued',
  'payment.processing',
  'payment.succeeded',
  'payment.failed',
  'payment.needs_review',
  'endpoint.disabled',
] as const

/** A type of event that can be subscribed to. */
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number]

/** Goes only to the endpoint that it was asked for, whatever that is subscribed to. */
export const TEST_EVENT_TYPE = 'endpoint.test'
