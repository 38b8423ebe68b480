// The payment domain: what the API and the worker share. It alone speaks SQL.

// Thrown values
export { codeOf, messageOf } from '@titan/queue-core/text-of'

// Database
export { openDatabase, SESSION_SETTINGS } from './store/database.ts'
export type { Database, DatabaseOptions, Queryable } from './store/database.ts'
export { statementsIn, type Statement } from './store/statements.ts'
export {
  changePartitions,
  partitionNames,
  readPartitions,
  recordPartitions,
  requirePartitions,
} from './store/queue-record.ts'
export type { ServerDescription } from './connection/servers.ts'
export { connectDatabase, connectionName, createWriteProbe, describeServers } from './store/connect.ts'
export {
  applyMigrations,
  isTableMissing,
  migrate,
  migrationNames,
  missingMigrations,
  NO_TABLES,
  prepareTables,
  requireMigrations,
} from './store/migrate.ts'

// Accounts
export { AccountGateways, atPlace } from './gateways/account-gateways.ts'
export { accountGatewaysOf } from './flow/account-gateways.ts'
export { CredentialStore } from './store/accounts/credentials.ts'
export { createAccountStore, type Account, type AccountStore } from './store/accounts/accounts.ts'

// Payments
export * from './domain/payment.ts'
export * from './domain/claim.ts'
export { ACCOUNT_ID, DEFAULT_ACCOUNT, storedKeyOf, type AccountFacts } from './domain/accounts/account.ts'
export { gatewayNameOf, readPlace } from './domain/accounts/place.ts'
export type { Movement } from './domain/movement.ts'
export type { ComparisonReport, FoundDifference } from './domain/reconciliation.ts'
export * from './domain/details.ts'
export {
  eventIdOf,
  gatewayKeyOf,
  jobIdOf,
  kindOf,
  MOVEMENT_KINDS,
  stepOf,
  type MovementKind,
} from './domain/identifiers.ts'
export {
  FINGERPRINT_VERSION,
  MEMBER_RULES,
  PAYMENT_PRIORITIES,
  scheduleFaultOf,
  type PaymentPriority,
  type PaymentRequest,
} from './domain/request.ts'
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from './domain/retry-policy.ts'
export { routeOf, type RoutedPayment, type RoutingRule } from './domain/routing.ts'
export { containsCardNumber } from './domain/card-guard.ts'
export { decimalsOf } from './domain/currency.ts'
export { PaymentsError } from './domain/errors.ts'
export { DEFERRALS, type OnPaymentsEvent, type PaymentsEvent } from './domain/events.ts'

// Store
export { createPaymentStore, type PaymentStore } from './store/store.ts'
export type { CreateAnswer, NewPayment } from './store/create.ts'
export { MAX_BATCH, type Batch, type BatchAnswer } from './store/bulk/create-batch.ts'
export type { ClaimOptions } from './store/claim.ts'
export type { ListFilter, PaymentPage } from './store/list.ts'
export type { PaymentCounts } from './store/counts.ts'
export { listGateways, startGateway, stopGateway, type ListedGateway } from './store/gateways/stops.ts'
export type { DecisionRefusal } from './store/review.ts'
export type { ErasureEffect } from './store/erasure.ts'
export type { RefundEffect } from './store/breaks.ts'
export { formatRoutes, parseRoutes } from './store/routing/format.ts'
export { readRoutes, replaceRoutes } from './store/routing/rules.ts'
export { describeMovementRefusal } from './store/movements.ts'
export type {
  CreateMovementAnswer,
  MovementFilter,
  MovementPage,
  MovementRefusal,
  NewMovement,
} from './store/movements.ts'
export type { ForeignEffect, ForeignMovement, RefundFailure } from './store/reported-movements.ts'

// Files
export { formatCsvLine, unescapeFormulas } from './export/csv.ts'
export {
  EXPORT_FORMATS,
  PAYMENT_EXPORT,
  REFUND_EXPORT,
  type Exporter,
  type ExportFormat,
} from './export/rows.ts'
export {
  formatSum,
  isTimeZone,
  MAX_SUMMARY,
  SUMMARY_PERIODS,
  type SummaryFilter,
  type SummaryPeriod,
  type SummaryRow,
} from './store/bulk/summarize.ts'

// Gateways
export * from './gateways/gateway.ts'
export * from './gateways/records.ts'
export { gatewaysOf, mapGateways, withMembers, type Gateways } from './gateways/gateways.ts'
export { inFleet, type FleetLimits } from './gateways/fleet.ts'
export { stoppable, type StoppableGateways } from './gateways/stops.ts'
export * from './gateways/ledger.ts'
export { createSimulatedGateway, type SimulatedGateway } from './gateways/simulated/gateway.ts'
export type { SimulatedBehaviour } from './gateways/simulated/rates.ts'
export type { SimulatedAnswer, SimulatedCharge, SimulatedRefund } from './gateways/simulated/server.ts'
export { createAdyenGateway } from './gateways/adyen/gateway.ts'
export { createStripeGateway } from './gateways/stripe/gateway.ts'
export { fromStripeAmount } from './gateways/stripe/amount.ts'
export { limitGateway, type GatewayLimits, type LimitedGateway } from './gateways/limited-gateway.ts'
export { gatewaySettings, openGateways, type GatewayPlan, type OpenGateways } from './gateways/settings.ts'
export {
  accountReadersOf,
  gatewayWebhookSettings,
  knownGatewaySettings,
  unmovableGatewaySettings,
  type AcceptingGateway,
  type GatewayWebhookReader,
  type KnownGatewayPlan,
  type KnownGateways,
} from './gateways/known.ts'

// Work: the job, its handler, and the two loops that keep Redis in step
export { PAYMENTS_QUEUE, type PaymentJobs } from './flow/pay-job.ts'
export { createPaymentHandler, type PaymentHandler, type PaymentHandlerOptions } from './flow/pay-handler.ts'
export type { BeforeCharge, BeforeChargeAnswer } from './flow/before-charge.ts'
export { AcceptanceRules } from './flow/acceptance.ts'
export { applyOutcome, type ApplyOutcomeOptions } from './flow/write-result.ts'
export { completeAction } from './flow/complete-action.ts'
export { mayReport } from './flow/reports/place.ts'
export { applyDispute } from './flow/reports/dispute.ts'
export type { Dispute } from './store/books/disputes.ts'
export { applyMovement, type MovementReport } from './flow/reports/movement.ts'
export { lookUpAttempt } from './flow/look-up.ts'
export { CLOCK_MARGIN_MS, compareBooks, SETTLE_MS, type CompareOptions } from './flow/books/compare.ts'
export { attemptOf } from './flow/books/readings.ts'
export { listWindows } from './flow/books/listing.ts'
export { BooksDuty } from './flow/books/duty.ts'
export { createRelay, type Relay } from './flow/relay.ts'
export { createReconciler, type Rebuilt, type Reconciler, type ReconcilerOptions } from './flow/reconciler.ts'
export { outsideOfTraces, traceStep, withTraceHeaders } from './tracing.ts'

// Settings
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
  type StoreConfig,
} from './settings.ts'
