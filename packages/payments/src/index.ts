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
export {
  openDatabase,
  SESSION_SETTINGS,
  type Database,
  type DatabaseOptions,
  type Queryable,
} from './store/database.ts'
export { statementsIn, type Parameter, type Statement } from './store/statements.ts'
export { connectDatabase, createWriteProbe } from './store/connect.ts'
export {
  applyMigrations,
  isTableMissing,
  NO_TABLES,
  prepareTables,
  requireMigrations,
} from './store/prepare-tables.ts'
export { migrate, migrationNames, missingMigrations, type MigrateOptions } from './store/migrate.ts'

// Payments
export { FAILURE_KINDS, PAYMENT_EVENT_TYPES, PAYMENT_STATUSES } from './domain/payment.ts'
export type {
  Evidence,
  FailureKind,
  Payment,
  PaymentAttempt,
  PaymentEvent,
  PaymentEventType,
  PaymentStatus,
} from './domain/payment.ts'
export { fold, isLegal, isTerminal, TRANSITIONS, type Fold, type Step } from './domain/state-machine.ts'
export { FINGERPRINT_VERSION } from './domain/identifiers.ts'
export { eventIdOf, gatewayKeyOf, jobIdOf, newPaymentId } from './domain/identifiers.ts'

// Store
export { createPaymentStore, type PaymentStore, type PaymentStoreOptions } from './store/store.ts'
export type { CreateAnswer, NewPayment } from './store/create.ts'
export type { ListFilter, PaymentPage } from './store/list.ts'
export type { CountLimits, PaymentCounts } from './store/counts.ts'
export type { ClaimOptions, HeldClaim } from './store/claim.ts'
export type { Claim, ClaimAnswer, ClaimMode, SkipReason } from './domain/claim.ts'
export type { DecisionEffect, DecisionRefusal, OperatorDecision } from './store/review.ts'
export { lookUpAttempt, type LookUp, type LookUpEffect, type LookUpOptions } from './flow/look-up.ts'
export type { Break, Refund, RefundEffect } from './store/breaks.ts'
export type { SeizedAttempt } from './store/claim.ts'
export type { BreakKind, RecordedBreak, Settlement } from './domain/settlement.ts'

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
} from './gateways/gateway.ts'
export { WEBHOOK_REFUSALS } from './gateways/gateway.ts'
export { declineKindOf, DECLINE_KINDS, type DeclineKind } from './domain/declines.ts'
export { createSimulatedGateway } from './gateways/simulated-gateway.ts'
export type {
  SimulatedBehaviour,
  SimulatedCharge,
  SimulatedGateway,
  SimulatedGatewayOptions,
} from './gateways/simulated-gateway.ts'
export { createStripeGateway, type StripeGatewayOptions } from './gateways/stripe.ts'
export { fromStripeAmount } from './gateways/stripe-amount.ts'
export {
  factsOfLedger,
  fetchLedger,
  LedgerError,
  readLedgerFile,
  type Ledger,
  type LedgerCharge,
  type LedgerFact,
  type LedgerLine,
  type LedgerRequest,
  type LedgerTotals,
} from './gateways/ledger.ts'
export { limitGateway, type LimitedGateway } from './gateways/limited-gateway.ts'
export type { BreakerOptions, GatewayLimits } from './gateways/limits.ts'
export type { CircuitStatus } from './gateways/circuit.ts'
export {
  gatewayFromEnv,
  gatewaySettings,
  gatewayWebhookSettings,
  lookUpGatewaySettings,
  type GatewayWebhookReader,
} from './gateways/settings.ts'

// Work: the job, its handler, and the two loops that keep Redis in step
export { PAYMENTS_QUEUE, type PaymentJobs } from './flow/pay-job.ts'
export { createPaymentHandler, type PaymentHandler, type PaymentHandlerOptions } from './flow/pay-handler.ts'
export {
  applyOutcome,
  type ApplyOutcomeOptions,
  type OutcomeEffect,
  type OutcomeReport,
} from './flow/apply-outcome.ts'
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from './domain/retry-policy.ts'
export { createRelay, type Relay, type RelayOptions } from './flow/relay.ts'
export { createReconciler, type Rebuilt, type Reconciler, type ReconcilerOptions } from './flow/reconciler.ts'
export type { OnPaymentsEvent, PaymentsEvent } from './domain/events.ts'

// Settings and errors
export { containsCardNumber, type CardCertainty } from './domain/card-guard.ts'
export {
  acceptingSettings,
  databaseSettings,
  loadPaymentsConfig,
  paymentsSettings,
  queueSettings,
  storeSettings,
  type AcceptingConfig,
  type DatabaseConfig,
  type PaymentsConfig,
  type QueueConfig,
  type RedisConfig,
  type StoreConfig,
} from './settings.ts'
export { PaymentsError, type PaymentsErrorCode } from './domain/errors.ts'
export { outsideOfTraces, traceStep, withTraceHeaders } from './tracing.ts'
