import { createSteps } from '@titan/queue-core/async'
import { codeOf, isError, nameOf } from '@titan/queue-core/text-of'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type SpanKind,
} from '@opentelemetry/api'

/**
 * Publishes on the diagnostics channel `titan-payments:step` that payments have passed a step, in the middle of it: for
 * tracing, and for tests that end the process there. Payments that are being created go by their idempotency keys.
 */
export const { passStep } = createSteps('titan-payments:step')

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/payments')

/** Returns the headers of the caller's trace; none when it is not traced. */
function traceHeaders(): Record<string, string> {
  const carrier: Record<string, string> = {}
  if (trace.getActiveSpan() !== undefined) propagation.inject(context.active(), carrier)
  return carrier
}

/** Returns the W3C `traceparent` of the caller; undefined when it is not traced. */
export function activeTraceparent(): string | undefined {
  return traceHeaders()['traceparent']
}

/** Adds the caller's trace to the headers of a request. */
export function withTraceHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { ...headers, ...traceHeaders() }
}

/** Runs work for many payments outside the trace of the one request that began it. */
export function outsideOfTraces<Value>(work: () => Value): Value {
  return context.with(ROOT_CONTEXT, work)
}

/** What a span shows of a step. Never a key, a header or a text from outside. */
interface TracedStep {
  readonly name: string
  /** @default SpanKind.INTERNAL */
  readonly kind?: SpanKind
  readonly attributes: () => Attributes
}

/** Runs a step of a traced payment in its own span; outside a recorded trace it only runs the step. */
export async function traceStep<Value>(
  { name, kind, attributes }: TracedStep,
  run: () => Promise<Value>,
  attributesOf: (value: Value) => Attributes = () => ({}),
): Promise<Value> {
  if (trace.getActiveSpan()?.isRecording() !== true) return run()
  const options = { ...(kind !== undefined && { kind }), attributes: attributes() }
  return tracer.startActiveSpan(name, options, async (span) => {
    try {
      const value = await run()
      const result = attributesOf(value)
      span.setAttributes(result)
      if (typeof result['error.type'] === 'string') markFailed(span, result['error.type'])
      return value
    } catch (error) {
      // Texts of errors may hold anything, so the span gets the code only.
      markFailed(span, isError(error) ? codeOf(error) || nameOf(error) : 'unknown')
      throw error
    } finally {
      span.end()
    }
  })
}

function markFailed(span: Span, code: string): void {
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
}
