// Outgoing webhooks: what the API and the worker need of them.

// Endpoints, events and deliveries
export { createWebhookStore, type WebhookStore, type WebhookStoreOptions } from './store.ts'
export type {
  CreatedEndpoint,
  DisabledReason,
  EndpointChanges,
  NewEndpoint,
  RotatedSecret,
  RotationOptions,
  WebhookEndpoint,
} from './endpoint.ts'
export { DELIVERY_STATUSES } from './delivery.ts'
export type {
  DeliveryStatus,
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from './delivery.ts'
export type { WebhookBacklog } from './statements/backlog.ts'
export type { DeliveryFilter, EventFilter, Redelivered } from './statements/deliveries.ts'
export { TEST_EVENT_TYPE, WEBHOOK_EVENT_TYPES, type WebhookEventType } from './event-types.ts'
export type { DisabledData, PaymentData, WebhookPayload } from './payload.ts'

// Sending
export { DEFAULT_FAILURE_LIMITS, startWebhookSender } from './sender.ts'
export type { WebhookSender, WebhookSenderOptions } from './sender.ts'
export { DEFAULT_RETRY_SCHEDULE, type RetrySchedule } from './retry-schedule.ts'
export type { FailureLimits } from './statements/record.ts'
export type { AttemptFailure } from './verdict.ts'
export type { NetworkFailure } from './answer.ts'
export type { OnWebhooksEvent, WebhooksEvent } from './events.ts'
export type { Resolve } from './resolver.ts'
export { WEBHOOKS_QUEUE, type WebhookJobs } from './webhook-job.ts'

// Settings and errors
export { loadWebhooksConfig, type WebhooksConfig } from './config.ts'
export { PUBLIC_REACH, type Reach } from './reach.ts'
export { WebhooksError, type WebhooksErrorCode } from './errors.ts'
