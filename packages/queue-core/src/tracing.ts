import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
} from '@opentelemetry/api'
import { RetryError } from './errors.ts'
import type { EventJob } from './events.ts'
import type { Ending } from './execute.ts'
import { deliveriesOf } from './lease.ts'

/** Does nothing, at next to no cost, until a program registers an SDK. */
const tracer = trace.getTracer('@titan/queue-core')

/** What a job says of the trace that it belongs to. */
interface Traced {
  readonly traceparent?: string | undefined
}

/** One call of a producer, traced. */
export interface Send {
  /** The options with the trace that the job goes on with. */
  mark<Options extends Traced>(options: Options): Options
  /** Runs the call; its end is the end of the span. */
  run<Value>(call: () => Promise<Value>): Promise<Value>
}

/**
 * Begins the span of handing these jobs in; undefined when neither the caller nor a job is part of a trace.
 * One job that names a trace gets the span as a part of that; several stay each in theirs, and the span links to them.
 */
export function beginSend(queue: string, jobs: readonly Traced[]): Send | undefined {
  const isWithin = trace.getActiveSpan() !== undefined
  if (!isWithin && !jobs.some(({ traceparent }) => traceparent !== undefined)) return undefined
  const isContinued = !isWithin && jobs.length === 1
  const parent = isWithin ? context.active() : isContinued ? contextOf(jobs[0]?.traceparent) : ROOT_CONTEXT
  const links = isContinued ? [] : linksTo(jobs)
  if (!isWithin && !isContinued && links.length === 0) return undefined
  const attributes: Attributes = {
    ...describe(queue, 'send'),
    ...(jobs.length > 1 && { 'messaging.batch.message_count': jobs.length }),
  }
  const span = tracer.startSpan(`send ${queue}`, { kind: SpanKind.PRODUCER, attributes, links }, parent)
  const own = traceparentOf(trace.setSpan(parent, span))
  return {
    mark(options) {
      const isKept = options.traceparent !== undefined && !(isContinued && span.isRecording())
      return isKept || own === undefined ? options : { ...options, traceparent: own }
    },
    async run(call) {
      try {
        return await call()
      } catch (error) {
        fail(span, error)
        throw error
      } finally {
        span.end()
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
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: {
      ...describe(queue, 'process'),
      'messaging.consumer.group.name': group,
      'messaging.client.id': consumer,
    },
  }
  return (traceparent) => {
    const parent = contextOf(traceparent)
    const span = tracer.startSpan(name, options, parent)
    if (!span.isRecording() && parent === ROOT_CONTEXT) return undefined
    const within = trace.setSpan(parent, span)
    return {
      run: (invoke) => context.with(within, invoke),
      end(job, ending) {
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
      },
    }
  }
}

function describe(queue: string, operation: 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'titan',
    'messaging.destination.name': queue,
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
  }
}

/** Texts of errors may hold anything, so only the code is told. */
function fail(span: Span, error: unknown): void {
  if (!span.isRecording()) return
  const code = codeOf(error)
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
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

/** The traces of these jobs that are recorded. */
function linksTo(jobs: readonly Traced[]): Link[] {
  const links: Link[] = []
  for (const { traceparent } of jobs) {
    const context = traceparent === undefined ? undefined : trace.getSpanContext(contextOf(traceparent))
    if (context !== undefined && (context.traceFlags & TraceFlags.SAMPLED) !== 0) links.push({ context })
  }
  return links
}
