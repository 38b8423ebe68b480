import type { OnPaymentsEvent, PaymentStore } from '@titan/payments'
import { createHttpCounts, type HttpCounts } from './http.ts'
import { createAcceptanceCounts, createPaymentCounts } from './payment-events.ts'
import { createRegistry, expose, type Exposition } from './registry.ts'
import { createStoreGauges, type StoreGauges } from './stores.ts'

/** What titan-api measures. */
export interface ApiMetrics {
  readonly http: HttpCounts
  readonly stores: StoreGauges
  readonly onPaymentsEvent: OnPaymentsEvent
  /** Wraps the `create` of a store. */
  readonly countAcceptance: (create: PaymentStore['create']) => PaymentStore['create']
  expose(): Promise<Exposition>
}

/** Opens the metrics of one API. `version` is the program's. */
export function createApiMetrics(version: string): ApiMetrics {
  const registry = createRegistry('titan-api', version)
  return {
    http: createHttpCounts(registry),
    stores: createStoreGauges(registry),
    onPaymentsEvent: createPaymentCounts(registry),
    countAcceptance: createAcceptanceCounts(registry),
    expose: () => expose(registry),
  }
}
