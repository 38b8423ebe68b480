import type { OnPaymentsEvent, PaymentStore } from '@titan/payments'
import type { Registry } from 'prom-client'
import { createHttpCounts, type HttpCounts } from './http.ts'
import { createAcceptanceCounts, createRelayCounts } from './payment-events.ts'
import { createRegistry } from './registry.ts'
import { createStoreGauges, type StoreGauges } from './stores.ts'

/** What titan-api measures. */
export interface ApiMetrics {
  readonly http: HttpCounts
  readonly stores: StoreGauges
  readonly onPaymentsEvent: OnPaymentsEvent
  /** Wraps the `create` of a store. */
  readonly countAcceptance: (create: PaymentStore['create']) => PaymentStore['create']
  /** What a scrape is answered from. */
  readonly registry: Registry
}

/** Opens the metrics of one API. `version` is the program's; `inFlight` returns the number of requests in flight. */
export function createApiMetrics(version: string, inFlight: () => number = () => 0): ApiMetrics {
  const registry = createRegistry('titan-api', version)
  return {
    http: createHttpCounts(registry, inFlight),
    stores: createStoreGauges(registry),
    onPaymentsEvent: createRelayCounts(registry),
    countAcceptance: createAcceptanceCounts(registry),
    registry,
  }
}
