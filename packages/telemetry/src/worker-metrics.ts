import type { Gateway, OnPaymentsEvent } from '@titan/payments'
import type { OnEvent } from '@titan/queue-core'
import type { OnWebhooksEvent } from '@titan/webhooks'
import type { Registry } from 'prom-client'
import { createGatewayMeasure } from './gateway-calls.ts'
import { createRelayCounts, createWorkCounts } from './payment-events.ts'
import { createQueueCounts } from './queue-events.ts'
import { createRegistry } from './registry.ts'
import { createStoreGauges, type StoreGauges } from './stores.ts'
import { createWebhookCounts } from './webhook-events.ts'
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
  /** What a scrape is answered from. */
  readonly registry: Registry
}

/** Opens the metrics of the workers of one process. `version` is the program's; `workers` is asked at each scrape. */
export function createWorkerMetrics(
  version: string,
  workers: () => readonly ObservedWorker[],
): WorkerMetrics {
  const registry = createRegistry('titan-worker', version)
  registerWorkerGauges(registry, workers)
  const [countRelayed, countWork] = [createRelayCounts(registry), createWorkCounts(registry)]
  return {
    stores: createStoreGauges(registry),
    onPaymentsEvent(event) {
      countRelayed(event)
      countWork(event)
    },
    onWebhooksEvent: createWebhookCounts(registry),
    onQueueEvent: createQueueCounts(registry),
    measureGateway: createGatewayMeasure(registry),
    registry,
  }
}
