// Outgoing webhooks: what the API and the worker need of them.

// Endpoints, events and deliveries
export { createWebhookStore, type WebhookStore } from './store/webhook-store.ts'
export type { EndpointStore, WebhookStoreOptions } from './store/endpoint-store.ts'
export type {
  CreatedEndpoint,
  DisabledReason,
  EndpointChanges,
  NewEndpoint,
  RotatedSecret,
  RotationOptions,
  WebhookEndpoint,
} from './model/endpoint.ts'
export { DELIVERY_STATUSES } from './model/delivery.ts'
export type {
  DeliveryStatus,
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from './model/delivery.ts'
export type {
  DeliveryFilter,
  DeliveryHistory,
  DeliveryPage,
  EventFilter,
  Redelivered,
  WebhookBacklog,
} from './store/delivery-history.ts'
export { TEST_EVENT_TYPE, WEBHOOK_EVENT_TYPES } from './model/event.ts'
export type { DisabledData, PaymentData, WebhookEventType, WebhookPayload } from './model/event.ts'

// Sending
export { DEFAULT_FAILURE_LIMITS, startWebhookSender } from './sender/sender.ts'
export type { WebhookSender, WebhookSenderOptions } from './sender/sender.ts'
export { DEFAULT_RETRY_SCHEDULE, type RetrySchedule } from './model/retry-schedule.ts'
export type { FailureLimits } from './store/record.ts'
export { ATTEMPT_FAILURES, type AttemptFailure } from './model/decision.ts'
export { NETWORK_FAILURES, type NetworkFailure } from './model/receiver-response.ts'
export type { OnWebhooksEvent, WebhooksErrorSource, WebhooksEvent } from './model/events.ts'
export type { Resolve } from './sender/resolver.ts'
export { WEBHOOKS_QUEUE, type WebhookJobs } from './sender/webhook-job.ts'

// Settings and errors
export { loadWebhooksConfig, webhooksSettings, type WebhooksConfig } from './settings.ts'
export { PUBLIC_EGRESS, type EgressPolicy } from './model/egress-policy.ts'
export { WebhooksError, type WebhooksErrorCode } from './model/errors.ts'
