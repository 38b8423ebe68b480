import { createSteps, type PassStep } from '@titan/queue-core/async'
import { codeOf, isError, nameOf } from '@titan/queue-core/text-of'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
} from '@opentelemetry/api'

/**
 * Publishes on the diagnostics channel `titan-payments:step` that payments have passed a step, in the middle of it: for
 * tracing, and for tests that end the process there. Payments that are being created go by their idempotency keys.
 */
export const passStep: PassStep = createSteps('titan-payments:step').passStep

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/payments')

/** The W3C `traceparent` of whoever calls; undefined when that is not traced. */
export function activeTraceparent(): string | undefined {
  if (trace.getActiveSpan() === undefined) return undefined
  const carrier: { traceparent?: string } = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent
}

/** Adds the trace of whoever calls to the headers of a request. */
export function withTraceHeaders<Headers extends Readonly<Record<string, string>>>(
  headers: Headers,
): Headers & Readonly<Record<string, string>> {
  if (trace.getActiveSpan() === undefined) return headers
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  return { ...headers, ...carrier }
}

/** Runs work for many outside of the trace of the one request that happened to begin it. */
export function outsideOfTraces<Value>(work: () => Value): Value {
  return context.with(ROOT_CONTEXT, work)
}

/** What a step of a payment is called, and what is told of it. Never a key, a header or a text of somebody else. */
export interface TracedStep<Value> {
  readonly name: string
  readonly kind?: SpanKind
  readonly attributes: () => Attributes
  /** What it came to. @default nothing is told */
  readonly told?: (value: Value) => Attributes
}

/** Runs a step of a traced payment in a span of its own; outside of a recorded trace nothing is done but the step. */
export async function traceStep<Value>(step: TracedStep<Value>, run: () => Promise<Value>): Promise<Value> {
  if (trace.getActiveSpan()?.isRecording() !== true) return run()
  const options = { kind: step.kind ?? SpanKind.INTERNAL, attributes: step.attributes() }
  return tracer.startActiveSpan(step.name, options, async (span) => {
    try {
      const value = await run()
      const told = step.told?.(value) ?? {}
      span.setAttributes(told)
      if (typeof told['error.type'] === 'string') markFailed(span, told['error.type'])
      return value
    } catch (error) {
      markFailed(span, faultOf(error))
      throw error
    } finally {
      span.end()
    }
  })
}

/** Texts of errors may hold anything, so only the code is told. */
function markFailed(span: Span, code: string): void {
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
}

function faultOf(error: unknown): string {
  return isError(error) ? codeOf(error) || nameOf(error) : 'unknown'
}
