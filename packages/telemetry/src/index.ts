// What the programs measure and log. All metrics are created by one of two functions, from which docs/metrics.md is written.
export { createApiMetrics, type HttpCounts, type RefusalReason } from './api-metrics.ts'
export { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.ts'
export type { Registry } from 'prom-client'
export { logPaymentsEvents } from './payments-events.ts'
export { logQueueEvents } from './queue-events.ts'
export { logWebhooksEvents } from './webhooks-events.ts'
