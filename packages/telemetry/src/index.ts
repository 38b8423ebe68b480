// What the programs measure. Everything is made in one of two places, so that what is documented is what is served.
export { createApiMetrics, type ApiMetrics } from './api-metrics.ts'
export { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.ts'
export type { AnsweredRequest, HttpCounts, RefusalReason } from './http.ts'
export type { Registry } from 'prom-client'
export type { StoreGauges, StoreSources } from './stores.ts'
export type { ObservedWorker } from './workers.ts'
export { logPaymentsEvents } from './payments-log.ts'
