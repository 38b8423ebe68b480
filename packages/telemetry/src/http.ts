import { WEBHOOK_REFUSALS, type WebhookRefusal } from '@titan/payments'
import { Counter, Histogram, type Registry } from 'prom-client'
import { HTTP_BUCKETS } from './buckets.ts'
import { countFromZero } from './counting.ts'
import { registerGauge } from './read-gauge.ts'
import { seconds } from './registry.ts'

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string
  /** The pattern of the route, such as `/payments/:id`, never the path; undefined when there is no such route. */
  readonly route: string | undefined
  readonly status: number
  readonly durationMs: number
  /** Why a webhook of a gateway was refused. @default by the status */
  readonly webhookRefusal?: WebhookRefusal | undefined
}

/** The reasons of webhooks that were not answered with success: {@link WEBHOOK_REFUSALS}, our own outage, all else. */
const WEBHOOK_REASONS: readonly string[] = [...WEBHOOK_REFUSALS, 'unavailable', 'other']

/** Why the API refuses a request before or while it works on it: no free slot, no response in time, too many connections. */
export type RefusalReason = 'in_flight' | 'timeout' | 'connections'
const REFUSAL_REASONS: readonly RefusalReason[] = ['in_flight', 'timeout', 'connections']

/** Counts requests. */
export interface HttpCounts {
  /** Counts a request that was answered. */
  answered(request: AnsweredRequest): void
  /** Counts a request or connection that a limit refused. */
  refused(reason: RefusalReason): void
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const TOO_MANY = 429

/** Counts the requests of this process, by the patterns of its routes. `inFlight` is read at each scrape. */
export function createHttpCounts(registry: Registry, inFlight: () => number): HttpCounts {
  const registers = [registry]
  const requests = new Counter({
    name: 'titan_http_requests_total',
    help: 'Requests that were answered, by the pattern of their route (none: no such route) and the class of the status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_http_request_duration_seconds',
    help: 'Until the answer began.',
    labelNames: ['method', 'route'],
    buckets: HTTP_BUCKETS,
    registers,
  })
  registerGauge(registry, {
    name: 'titan_http_requests_in_flight',
    help: 'Requests that hold one of the MAX_IN_FLIGHT slots.',
    read: (tell) => tell(inFlight()),
  })
  const refused = new Counter({
    name: 'titan_http_requests_refused_total',
    help: 'Requests that a limit refused: in_flight (no free slot), timeout (no response in time), connections (too many of them).',
    labelNames: ['reason'],
    registers,
  })
  countFromZero(refused, {}, 'reason', REFUSAL_REASONS)
  const limited = new Counter({
    name: 'titan_http_rate_limited_total',
    help: 'Requests that were refused because their caller has sent too many.',
    registers,
  })
  const refusedWebhooks = new Counter({
    name: 'titan_gateway_webhooks_refused_total',
    help: 'Webhooks of gateways that were not answered with success, so that the gateway sends them again: refused by what is wrong with them, unavailable (an outage here), other.',
    labelNames: ['reason'],
    registers,
  })
  countFromZero(refusedWebhooks, {}, 'reason', WEBHOOK_REASONS)

  return {
    answered({ method: given, route = 'none', status, durationMs, webhookRefusal }) {
      const method = METHODS.has(given) ? given : 'OTHER'
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` })
      durations.observe({ method, route }, seconds(durationMs))
      if (status === TOO_MANY) limited.inc()
      if (route.startsWith('/gateway-webhooks') && status >= 400)
        refusedWebhooks.inc({ reason: webhookRefusal ?? (status >= 500 ? 'unavailable' : 'other') })
    },
    refused: (reason) => refused.inc({ reason }),
  }
}
