// The payment domain: what the API and the worker share. It alone speaks SQL.

// Thrown values
export {
  chainOf,
  codeOf,
  isError,
  isInstance,
  messageOf,
  nameOf,
  propertyOf,
  textOf,
} from '@titan/queue-core/text-of'

// Database
export { openDatabase, SESSION_SETTINGS, type Database, type DatabaseOptions } from './database.ts'
export { migrate, migrationNames, missingMigrations, type MigrateOptions } from './migrate.ts'

// Payments
export { PAYMENT_STATUSES } from './payment.ts'
export type {
  Evidence,
  FailureKind,
  Payment,
  PaymentAttempt,
  PaymentEvent,
  PaymentEventType,
  PaymentStatus,
} from './payment.ts'
export { fold, isLegal, isTerminal, TRANSITIONS, type Fold, type Step } from './state-machine.ts'
export { FINGERPRINT_VERSION } from './fingerprint.ts'
export { eventIdOf, gatewayKeyOf, jobIdOf, newPaymentId } from './identifiers.ts'

// Store
export { createPaymentStore, type PaymentStore, type PaymentStoreOptions } from './store.ts'
export type { CreateAnswer, NewPayment } from './statements/create.ts'
export type { ListFilter, PaymentPage } from './statements/list.ts'
export type { CountLimits, PaymentCounts } from './statements/counts.ts'
export type { ClaimOptions, HeldClaim } from './statements/claim.ts'
export type { Claim, ClaimAnswer, ClaimMode, SkipReason } from './claim.ts'
export type { Break, DecisionEffect, DecisionRefusal, OperatorDecision } from './statements/operator.ts'
export { lookUpAttempt, type LookUp, type LookUpEffect, type LookUpOptions } from './look-up.ts'
export type { Refund, RefundEffect } from './statements/refund.ts'
export type { SeizedAttempt } from './statements/seize.ts'
export type { BreakKind, RecordedBreak, Settlement } from './settlement.ts'

// Gateways
export type {
  Admission,
  ChargeOutcome,
  ChargeRequest,
  Gateway,
  GatewayWebhook,
  LookupAnswer,
  LookupRequest,
  WebhookRefusal,
} from './gateway.ts'
export { WEBHOOK_REFUSALS } from './gateway.ts'
export { declineKindOf, DECLINE_KINDS, type DeclineKind } from './declines.ts'
export { createSimulatedGateway } from './simulated-gateway.ts'
export type {
  SimulatedBehaviour,
  SimulatedCharge,
  SimulatedGateway,
  SimulatedGatewayOptions,
} from './simulated-gateway.ts'
export { createStripeGateway, type StripeGatewayOptions } from './gateways/stripe.ts'
export { fromStripeAmount } from './gateways/stripe-amount.ts'
export { limitGateway, type LimitedGateway } from './gateways/limits.ts'
export type { BreakerOptions, GatewayLimits } from './gateways/limit-options.ts'
export type { CircuitStatus } from './gateways/circuit.ts'
export { gatewayFromEnv, lookUpGatewayFromEnv } from './gateway-from-env.ts'
export { gatewayWebhooksFromEnv, type GatewayWebhookReader } from './gateways/webhooks-from-env.ts'

// Work: the job, its handler, and the two loops that keep Redis in step
export { PAYMENTS_QUEUE, type PaymentJobs } from './pay-job.ts'
export { createPaymentHandler, type PaymentHandler, type PaymentHandlerOptions } from './pay-handler.ts'
export {
  applyOutcome,
  type ApplyOutcomeOptions,
  type OutcomeEffect,
  type OutcomeReport,
} from './apply-outcome.ts'
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from './retry-policy.ts'
export { createRelay, type Relay, type RelayOptions } from './relay.ts'
export { createReconciler, type Rebuilt, type Reconciler, type ReconcilerOptions } from './reconciler.ts'
export type { OnPaymentsEvent, PaymentsEvent } from './events.ts'

// Settings and errors
export { containsCardNumber, type CardCertainty } from './card-guard.ts'
export { loadPaymentsConfig, type Environment, type PaymentsConfig } from './config.ts'
export { PaymentsError, type PaymentsErrorCode } from './errors.ts'
export { outsideOfTraces, traceStep, withTraceHeaders } from './tracing.ts'
