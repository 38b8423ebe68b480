import {
  context as contexts,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api'
import type { HttpCounts } from '@titan/telemetry'
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { AppEnv } from '../http/env.ts'
import { shownPath } from '../routes/route.ts'

/** Counts every request by the pattern of its route. Paths hold ids, and are never looked at. */
export function requestMetrics(http: HttpCounts): MiddlewareHandler<AppEnv> {
  return async function measureRequest(context, next) {
    const startedAt = performance.now()
    try {
      await next()
    } finally {
      http.answered({
        method: context.req.method,
        route: routeOf(context),
        status: context.res.status,
        durationMs: performance.now() - startedAt,
        webhookRefusal: context.get('webhookRefusal'),
      })
    }
  }
}

/** The route that answered, or would have, had nothing before it refused. What is mounted for all methods is middleware. */
function routeOf(context: Context<AppEnv>): string | undefined {
  const fromAnswer = matchedRoutes(context).slice(context.req.routeIndex)
  const path = fromAnswer.find(({ method }) => method !== 'ALL')?.path
  return path === undefined ? undefined : shownPath(path)
}

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/api')

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Asked every few seconds, by machines. */
const PROBES = new Set(['/healthz', '/readyz'])

/**
 * A span for each request, in the trace that its `traceparent` names, and named by the pattern of the route. Neither path,
 * query nor `tracestate` appear in spans: a client may have written anything there.
 */
export function requestTraces(): MiddlewareHandler<AppEnv> {
  return function traceRequest(context, next) {
    if (PROBES.has(context.req.path)) return next()
    const traceparent = context.req.header('traceparent')
    const parent =
      traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent })
    const method = METHODS.has(context.req.method) ? context.req.method : '_OTHER'
    const attributes = { 'http.request.method': method }
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent)
    if (!span.isRecording() && parent === ROOT_CONTEXT) return next()
    return contexts.with(trace.setSpan(parent, span), next).finally(() => describe(span, method, context))
  }
}

/** Adds what became of the request, and ends its span. */
function describe(span: Span, method: string, context: Context<AppEnv>): void {
  const { status } = context.res
  const route = routeOf(context)
  if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
  span.setAttribute('http.response.status_code', status)
  const code = context.get('problemCode')
  if (code !== undefined) span.setAttribute('error.type', code)
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, message: code ?? String(status) })
  const paymentId = context.get('paymentId')
  if (paymentId !== undefined) span.setAttribute('titan.payment.id', paymentId)
  span.end()
}
