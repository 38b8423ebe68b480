// Outgoing webhooks: what the API and the worker need of them.

// Endpoints, events and deliveries
export { WebhookStore } from './store/webhook-store.ts'
export type {
  DeliveryFilter,
  EventFilter,
  Redelivered,
  RedeliveryRange,
  WebhookBacklog,
} from './store/webhook-store.ts'
export { eraseBodies } from './store/event-store.ts'
export { EndpointStore } from './store/endpoint-store.ts'
export type {
  EndpointChanges,
  NewEndpoint,
  RotationOptions,
  WebhookStoreOptions,
} from './store/endpoint-store.ts'
export type { PageRequest } from './store/statements.ts'
export { DELIVERY_STATUSES, type DeliveryStatus } from './model/records.ts'
export type { WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent } from './model/records.ts'
export { TEST_EVENT_TYPE, WEBHOOK_EVENT_TYPES } from './model/event.ts'
export type {
  DisabledData,
  MovementData,
  MovementWebhookType,
  PaymentData,
  PaymentWebhookType,
  WebhookEventType,
  WebhookPayload,
} from './model/event.ts'

// Sending
export { DEFAULT_FAILURE_LIMITS, startWebhookSender } from './sender/sender.ts'
export type { WebhookSender, WebhookSenderOptions } from './sender/sender.ts'
export { ATTEMPT_FAILURES, DEFAULT_RETRY_SCHEDULE } from './model/decision.ts'
export type { AttemptFailure, RetrySchedule } from './model/decision.ts'
export type { FailureLimits } from './store/attempts.ts'
export { NETWORK_FAILURES, type NetworkFailure } from './model/receiver-response.ts'
export type { OnWebhooksEvent, WebhooksEvent } from './model/events.ts'
export { WEBHOOKS_QUEUE, type WebhookJobs } from './sender/deliver.ts'

// Settings, secrets and errors
export { SecretBox } from './model/secrets.ts'
export { loadWebhooksConfig, webhooksSettings, type WebhooksConfig } from './settings.ts'
export { PUBLIC_EGRESS, type EgressPolicy } from './model/egress-policy.ts'
export { WebhooksError, type WebhooksErrorCode } from './model/errors.ts'
