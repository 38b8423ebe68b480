import { context, diag, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { SpanKind, SpanStatusCode, type Attributes, type Context, type Span } from '@opentelemetry/api'
import { RetryError } from './errors.ts'
import type { EventJob } from './events.ts'
import type { Ending } from './decide.ts'
import { deliveriesOf } from './fence.ts'
import { codeOf, isError, nameOf, textOf } from './text-of.ts'

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/queue-core')

/** What a job says of the trace that it belongs to. */
interface Traced {
  readonly traceparent?: string | undefined
}

/** One call of a producer, traced. */
export interface Send {
  /** Returns the options with the trace that the job continues. */
  mark<Options extends Traced>(options: Options): Options
  /** Runs the call; its end is the end of the span. */
  run<Value>(call: () => Promise<Value>): Promise<Value>
}

/**
 * Begins the span of handing these jobs in; undefined when neither the caller nor a job is part of a trace.
 * One job that names a trace gets the span as a part of that; several stay each in theirs, and the span links to them.
 */
export function beginSend(queue: string, jobs: readonly Traced[]): Send | undefined {
  return guard(() => startSend(queue, jobs))
}

function startSend(queue: string, jobs: readonly Traced[]): Send | undefined {
  const isWithin = trace.getActiveSpan() !== undefined
  if (!isWithin && !jobs.some(({ traceparent }) => traceparent !== undefined)) return undefined
  const isContinued = !isWithin && jobs.length === 1
  const parent = isWithin ? context.active() : isContinued ? contextOf(jobs[0]?.traceparent) : ROOT_CONTEXT
  const links = isContinued ? [] : jobs.flatMap(({ traceparent }) => linkTo(traceparent) ?? [])
  if (!isWithin && !isContinued && links.length === 0) return undefined
  const attributes = describe(queue, 'send')
  if (jobs.length > 1) attributes['messaging.batch.message_count'] = jobs.length
  const span = tracer.startSpan(`send ${queue}`, { kind: SpanKind.PRODUCER, attributes, links }, parent)
  const own = traceparentOf(trace.setSpan(parent, span))
  return {
    mark(options) {
      const isReplaced = isContinued && guard(() => span.isRecording()) === true
      const isKept = options.traceparent !== undefined && !isReplaced
      return isKept || own === undefined ? options : { ...options, traceparent: own }
    },
    async run(call) {
      try {
        return await call()
      } catch (error) {
        guard(() => fail(span, error))
        throw error
      } finally {
        guard(() => span.end())
      }
    },
  }
}

/** One run of a handler, traced. */
export interface Processing {
  /** Runs the handler within the job's trace. */
  run<Value>(invoke: () => Value): Value
  end(job: EventJob, ending: Ending): void
}

/** Begins the span of a run; undefined when it is not traced and its job names no trace. */
export type BeginProcess = (traceparent: string | undefined) => Processing | undefined

/** Traces the runs of a worker's handlers, each as a part of its job's trace. */
export function traceProcess(queue: string, group: string, consumer: string): BeginProcess {
  const name = `process ${queue}`
  const who = { 'messaging.consumer.group.name': group, 'messaging.client.id': consumer }
  const options = { kind: SpanKind.CONSUMER, attributes: { ...describe(queue, 'process'), ...who } }
  return (traceparent) => {
    // Not by guard: the hot path creates no closure.
    try {
      const parent = contextOf(traceparent)
      const span = tracer.startSpan(name, options, parent)
      if (!span.isRecording() && parent === ROOT_CONTEXT) return undefined
      const within = trace.setSpan(parent, span)
      return {
        run: (invoke) => runWithin(within, invoke),
        end: (job, ending) => guard(() => endRun(span, job, ending)),
      }
    } catch (error) {
      return reportTracer(error)
    }
  }
}

/** Runs the handler within the context, or without it where the context manager throws. */
function runWithin<Value>(within: Context, invoke: () => Value): Value {
  let outcome: { readonly value: Value } | { readonly error: unknown } | undefined
  guard(() =>
    context.with(within, () => {
      try {
        outcome = { value: invoke() }
      } catch (error) {
        outcome = { error }
      }
    }),
  )
  if (outcome === undefined) return invoke()
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

function endRun(span: Span, job: EventJob, ending: Ending): void {
  span.setAttributes({
    'messaging.message.id': job.id,
    'titan.job.name': job.name,
    'titan.job.attempt': job.attempt,
    'titan.job.delivery_count': deliveriesOf(job.deliveryCount),
  })
  if (ending.kind !== 'returned') {
    const isPlanned = ending.error instanceof RetryError && !ending.error.countsAsAttempt
    if (isPlanned) span.setAttribute('titan.job.given_back', true)
    else fail(span, ending.error)
  }
  span.end()
}

function describe(queue: string, operation: 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'titan',
    'messaging.destination.name': queue,
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
  }
}

/** Texts of errors may hold anything, so only the code is recorded. */
function fail(span: Span, error: unknown): void {
  if (!span.isRecording()) return
  const code = isError(error) ? codeOf(error) || nameOf(error) : 'unknown'
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
}

/** Runs a step of tracing. A tracer that throws harms no job: its error goes to OpenTelemetry's own log. */
function guard<Value>(step: () => Value): Value | undefined {
  try {
    return step()
  } catch (error) {
    return reportTracer(error)
  }
}

function reportTracer(error: unknown): undefined {
  try {
    diag.error(`titan-queue: the tracer threw ${textOf(error)}`)
  } catch {
    // The log itself is broken.
  }
}

/** The context that a `traceparent` names; one that is malformed names none. */
function contextOf(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent })
}

function traceparentOf(within: Context): string | undefined {
  const carrier: { traceparent?: string } = {}
  propagation.inject(within, carrier)
  return carrier.traceparent
}

/** The link to a trace, if it is recorded. */
function linkTo(traceparent: string | undefined) {
  const context = trace.getSpanContext(contextOf(traceparent))
  return context !== undefined && (context.traceFlags & TraceFlags.SAMPLED) !== 0 ? { context } : undefined
}
