import {
  context as contexts,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api'
import type { Context, MiddlewareHandler } from 'hono'
import type { AppEnv } from '../http/env.ts'
import { routeOf } from './request-metrics.ts'

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/api')

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Asked every few seconds, by machines. */
const PROBES = new Set(['/healthz', '/readyz'])

/**
 * A span for each request, in the trace that its `traceparent` names. Named by the pattern of the route: neither path nor
 * query are told, since a client may have written anything there.
 */
export function requestTraces(): MiddlewareHandler<AppEnv> {
  return function traceRequest(context, next) {
    if (PROBES.has(context.req.path)) return next()
    // Not its `tracestate`: a client may have written anything there, and spans would repeat it.
    const traceparent = context.req.header('traceparent')
    const parent =
      traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent })
    const method = METHODS.has(context.req.method) ? context.req.method : '_OTHER'
    const span = tracer.startSpan(
      method,
      { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } },
      parent,
    )
    if (!span.isRecording() && parent === ROOT_CONTEXT) return next()
    return contexts.with(trace.setSpan(parent, span), next).finally(() => describe(span, method, context))
  }
}

/** What became of the request, and the end of its span. */
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
