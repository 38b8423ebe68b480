import type { OnPaymentsEvent, PaymentStore } from '@titan/payments'
import type { Registry } from 'prom-client'
import { createHttpCounts, type HttpCounts } from './http.ts'
import { counter, each, registerCounter } from './metric.ts'
import { createPaymentsCounts } from './payments-events.ts'
import { createRegistry } from './registry.ts'
import { createStoreGauges, type StoreGauges } from './stores.ts'

/** What titan-api measures. */
export interface ApiMetrics {
  readonly http: HttpCounts
  readonly stores: StoreGauges
  readonly onPaymentsEvent: OnPaymentsEvent
  /** Wraps the `create` of a store. */
  readonly countAcceptance: (create: PaymentStore['create']) => PaymentStore['create']
  /** Serves the scrapes. */
  readonly registry: Registry
}

/** Creates the metrics of one API. `inFlight` returns the number of requests in flight. */
export function createApiMetrics(version: string, inFlight: () => number = () => 0): ApiMetrics {
  const registry = createRegistry('titan-api', version)
  const countRequest = registerCounter(
    registry,
    counter(
      'titan_payments_requests_total',
      'Requests to pay: created, replayed (the same request again), mismatch (the key belongs to another payment).',
      each('result', ['created', 'replayed', 'mismatch']),
    ),
  )
  return {
    http: createHttpCounts(registry, inFlight),
    stores: createStoreGauges(registry),
    onPaymentsEvent: createPaymentsCounts(registry, ['relayed', 'error']),
    countAcceptance: (create) => async (payment) => {
      const answer = await create(payment)
      countRequest({ result: answer.kind })
      return answer
    },
    registry,
  }
}
