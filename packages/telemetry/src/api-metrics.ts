import { WEBHOOK_REFUSALS, type PaymentStore, type WebhookRefusal } from '@titan/payments'
import { Counter, Histogram, type Registry } from 'prom-client'
import { counter, each, seconds } from './metric.ts'
import { createPaymentsCounts } from './payments-events.ts'
import { createRegistry, registerCounter, registerGauge } from './registry.ts'
import { createStoreGauges } from './stores.ts'

/** A request that got a response. */
interface AnsweredRequest {
  readonly method: string
  /** The pattern of the route, such as `/payments/:id`, never the path; undefined when there is no such route. */
  readonly route: string | undefined
  readonly status: number
  readonly durationMs: number
  /** Why a webhook of a gateway was refused. @default derived from the status */
  readonly webhookRefusal?: WebhookRefusal | undefined
}

/** Why the API refuses a request before or while it works on it. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]
const REFUSAL_REASONS = ['in_flight', 'timeout', 'connections'] as const

/** The requests of one API. */
export type HttpCounts = ReturnType<typeof createHttpCounts>

/** Responses have a deadline of ten seconds. */
const HTTP_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const TOO_MANY = 429

const ACCEPTED = counter(
  'titan_payments_requests_total',
  'Requests to pay: created, replayed (the same request again), mismatch (the key belongs to another payment).',
  each('result', ['created', 'replayed', 'mismatch']),
)
const MOVEMENTS = counter(
  'titan_movements_requests_total',
  'Requests to refund, capture or void: created, replayed (the same request again), mismatch (the key belongs to another request), refused (the payment does not allow it).',
  (['refund', 'capture', 'void'] as const).flatMap((kind) =>
    (['created', 'replayed', 'mismatch', 'refused'] as const).map((result) => ({ kind, result })),
  ),
)
const REFUSED = counter(
  'titan_http_requests_refused_total',
  'Requests refused by a limit: in_flight (no free slot), timeout (no response in time), connections (too many of them).',
  each('reason', REFUSAL_REASONS),
)
const LIMITED = counter(
  'titan_http_rate_limited_total',
  'Requests refused by the rate limit of their caller.',
)
const WEBHOOKS_REFUSED = counter(
  'titan_gateway_webhooks_refused_total',
  'Gateway webhooks without a success response, which the gateway sends again: refused for what is wrong with them, unavailable (an outage here), other.',
  each('reason', [...WEBHOOK_REFUSALS, 'unavailable', 'other']),
)

/** Creates the metrics of one API. `inFlight` returns the number of requests in flight. */
export function createApiMetrics(version: string, inFlight: () => number = () => 0) {
  const registry = createRegistry('titan-api', version)
  const countAccepted = registerCounter(registry, ACCEPTED)
  const countMovement = registerCounter(registry, MOVEMENTS)
  return {
    http: createHttpCounts(registry, inFlight),
    stores: createStoreGauges(registry),
    onPaymentsEvent: createPaymentsCounts(registry, ['relayed', 'error']),
    /** Wraps the `create` of a store. */
    countAcceptance(create: PaymentStore['create']): PaymentStore['create'] {
      return async (payment) => {
        const answer = await create(payment)
        countAccepted({ result: answer.kind })
        return answer
      }
    },
    /** Wraps the `createBatch` of a store; lines that are refused for another reason are no requests to pay. */
    countBatches(create: PaymentStore['createBatch']): PaymentStore['createBatch'] {
      return async (batch) => {
        const answers = await create(batch)
        for (const { kind } of answers)
          if (kind !== 'refused' && kind !== 'withheld') countAccepted({ result: kind })
        return answers
      }
    },
    /** Wraps the `createMovement` of a store. */
    countMovements(create: PaymentStore['createMovement']): PaymentStore['createMovement'] {
      return async (movement) => {
        const answer = await create(movement)
        countMovement({ kind: movement.kind, result: answer.kind })
        return answer
      }
    },
    /** Serves the scrapes. */
    registry,
  }
}

/** Counts requests by route pattern. `inFlight` is called at each scrape. */
function createHttpCounts(registry: Registry, inFlight: () => number) {
  const registers = [registry]
  const requests = new Counter({
    name: 'titan_http_requests_total',
    help: 'Requests that got a response, by route pattern (none: no such route) and class of status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_http_request_duration_seconds',
    help: 'Time until the response began.',
    labelNames: ['method', 'route'],
    buckets: HTTP_BUCKETS,
    registers,
  })
  registerGauge(
    registry,
    'titan_http_requests_in_flight',
    'Requests that hold one of the MAX_IN_FLIGHT slots.',
    [],
    () => [[inFlight()]],
  )
  const countRefused = registerCounter(registry, REFUSED)
  const countLimited = registerCounter(registry, LIMITED)
  const countRefusedWebhook = registerCounter(registry, WEBHOOKS_REFUSED)

  return {
    /** Counts a request that got a response. */
    answered({ method: given, route = 'none', status, durationMs, webhookRefusal }: AnsweredRequest) {
      const method = METHODS.has(given) ? given : 'OTHER'
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` })
      durations.observe({ method, route }, seconds(durationMs))
      if (status === TOO_MANY) countLimited({})
      if (route.startsWith('/gateway-webhooks') && status >= 400)
        countRefusedWebhook({ reason: webhookRefusal ?? (status >= 500 ? 'unavailable' : 'other') })
    },
    /** Counts a request or connection that a limit refused. */
    refused(reason: RefusalReason) {
      countRefused({ reason })
    },
  }
}
