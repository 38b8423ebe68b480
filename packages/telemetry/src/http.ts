import { WEBHOOK_REFUSALS, type WebhookRefusal } from '@titan/payments'
import { Counter, Histogram, type Registry } from 'prom-client'
import { HTTP_BUCKETS } from './buckets.ts'
import { registerGauge } from './read-gauge.ts'
import { counter, each, registerCounter, seconds } from './metric.ts'

/** A request that got a response. */
export interface AnsweredRequest {
  readonly method: string
  /** The pattern of the route, such as `/payments/:id`, never the path; undefined when there is no such route. */
  readonly route: string | undefined
  readonly status: number
  readonly durationMs: number
  /** Why a webhook of a gateway was refused. @default derived from the status */
  readonly webhookRefusal?: WebhookRefusal | undefined
}

/** Why the API refuses a request before or while it works on it: no free slot, no response in time, too many connections. */
const REFUSAL_REASONS = ['in_flight', 'timeout', 'connections'] as const
/** One of {@link REFUSAL_REASONS}. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** Counts requests. */
export interface HttpCounts {
  /** Counts a request that got a response. */
  answered(request: AnsweredRequest): void
  /** Counts a request or connection that a limit refused. */
  refused(reason: RefusalReason): void
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const TOO_MANY = 429

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

/** Counts the requests of this process by route pattern. `inFlight` is called at each scrape. */
export function createHttpCounts(registry: Registry, inFlight: () => number): HttpCounts {
  const requests = new Counter({
    name: 'titan_http_requests_total',
    help: 'Requests that got a response, by route pattern (none: no such route) and class of status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'titan_http_request_duration_seconds',
    help: 'Time until the response began.',
    labelNames: ['method', 'route'],
    buckets: HTTP_BUCKETS,
    registers: [registry],
  })
  registerGauge(registry, {
    name: 'titan_http_requests_in_flight',
    help: 'Requests that hold one of the MAX_IN_FLIGHT slots.',
    read: (show) => show(inFlight()),
  })
  const countRefused = registerCounter(registry, REFUSED)
  const countLimited = registerCounter(registry, LIMITED)
  const countRefusedWebhook = registerCounter(registry, WEBHOOKS_REFUSED)

  return {
    answered({ method: given, route = 'none', status, durationMs, webhookRefusal }) {
      const method = METHODS.has(given) ? given : 'OTHER'
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` })
      durations.observe({ method, route }, seconds(durationMs))
      if (status === TOO_MANY) countLimited({})
      if (route.startsWith('/gateway-webhooks') && status >= 400)
        countRefusedWebhook({ reason: webhookRefusal ?? (status >= 500 ? 'unavailable' : 'other') })
    },
    refused: (reason) => countRefused({ reason }),
  }
}
