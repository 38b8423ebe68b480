import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { HTTP_BUCKETS } from './buckets.ts'
import { seconds } from './registry.ts'

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string
  /** The pattern of the route, such as `/payments/:id`, never the path; undefined when there is no such route. */
  readonly route: string | undefined
  readonly status: number
  readonly durationMs: number
}

/** Counts requests. */
export interface HttpCounts {
  /** A request has come; answers what to call when it is answered. */
  begin(): (request: AnsweredRequest) => void
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const TOO_MANY = 429

/** Counts the requests of this process, by the patterns of its routes. */
export function createHttpCounts(registry: Registry): HttpCounts {
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
  const inFlight = new Gauge({
    name: 'titan_http_requests_in_flight',
    help: 'Requests that are being answered.',
    registers,
  })
  const limited = new Counter({
    name: 'titan_http_rate_limited_total',
    help: 'Requests that were refused because their caller has sent too many.',
    registers,
  })
  const refusedWebhooks = new Counter({
    name: 'titan_gateway_webhooks_refused_total',
    help: 'Webhooks of gateways that were not answered with success, so that the gateway sends them again.',
    registers,
  })

  return {
    begin() {
      inFlight.inc()
      return ({ method: given, route = 'none', status, durationMs }) => {
        inFlight.dec()
        const method = METHODS.has(given) ? given : 'OTHER'
        requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` })
        durations.observe({ method, route }, seconds(durationMs))
        if (status === TOO_MANY) limited.inc()
        if (route.startsWith('/gateway-webhooks') && status >= 400) refusedWebhooks.inc()
      }
    },
  }
}
