import type { Gateway, OnPaymentsEvent } from '@titan/payments'
import type { OnEvent } from '@titan/queue-core'
import type { OnWebhooksEvent } from '@titan/webhooks'
import type { Registry } from 'prom-client'
import { createGatewayMeasure } from './gateway-calls.ts'
import { createPaymentsCounts } from './payments-events.ts'
import { createQueueCounts } from './queue-events.ts'
import { createRegistry } from './registry.ts'
import { createStoreGauges, type StoreGauges } from './stores.ts'
import { createWebhooksCounts } from './webhooks-events.ts'
import { registerWorkerGauges, type ObservedWorker } from './workers.ts'

/** What titan-worker measures. */
export interface WorkerMetrics {
  readonly stores: StoreGauges
  readonly onPaymentsEvent: OnPaymentsEvent
  readonly onWebhooksEvent: OnWebhooksEvent
  /** Makes the listener of one queue. */
  readonly onQueueEvent: (queue: string) => OnEvent
  /** Wraps a gateway. */
  readonly measureGateway: (gateway: Gateway) => Gateway
  /** Serves the scrapes. */
  readonly registry: Registry
}

/** Creates the metrics of the workers in one process. `workers` is called at each scrape. */
export function createWorkerMetrics(
  version: string,
  workers: () => readonly ObservedWorker[],
): WorkerMetrics {
  const registry = createRegistry('titan-worker', version)
  registerWorkerGauges(registry, workers)
  return {
    stores: createStoreGauges(registry),
    onPaymentsEvent: createPaymentsCounts(registry),
    onWebhooksEvent: createWebhooksCounts(registry),
    onQueueEvent: createQueueCounts(registry),
    measureGateway: createGatewayMeasure(registry),
    registry,
  }
}
