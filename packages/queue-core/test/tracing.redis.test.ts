import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace'
import { eventually } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { fixed } from '../src/model/backoff.ts'
import { test, type Place } from './support/place.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SAMPLED = `00-${TRACE_ID}-b7ad6b7169203331-01`
const UNSAMPLED = `00-${TRACE_ID}-b7ad6b7169203331-00`

const exporter = new InMemorySpanExporter()

function turnOn(): void {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  )
  context.setGlobalContextManager(new AsyncLocalStorageContextManager())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
}

function spans(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name.startsWith(name))
}

function within<Value>(call: () => Promise<Value>): Promise<Value> {
  return trace.getTracer('test').startActiveSpan('caller', async (span) => {
    try {
      return await call()
    } finally {
      span.end()
    }
  })
}

async function entries(place: Place): Promise<string[][]> {
  const stored = await place.send<[string, string[]][]>('XRANGE', place.keys.streams[1], '-', '+')
  return stored.map(([, fields]) => fields)
}

describe('without an SDK', () => {
  test('a job has nothing added', async ({ place }) => {
    await within(() => place.createQueue().enqueue('work', 1))
    expect(await entries(place)).toEqual([['n', 'work', 'd', '1']])
  })
})

describe('with an SDK', () => {
  // Once: tracers that were made before keep to the first SDK.
  beforeAll(turnOn)
  afterEach(() => exporter.reset())
  afterAll(() => {
    trace.disable()
    context.disable()
    propagation.disable()
  })

  test('a job outside of any trace has nothing added', async ({ place }) => {
    await place.createQueue().enqueue('work', 1)
    expect(await entries(place)).toEqual([['n', 'work', 'd', '1']])
  })

  test('a handler and its retry go on with the trace of the producer', async ({ place }) => {
    const seen: (string | undefined)[] = []
    await place.startWorker(
      {
        work(job) {
          seen.push(trace.getActiveSpan()?.spanContext().traceId)
          if (job.attempt === 1) throw Object.assign(new Error('secret text'), { code: 'E_BROKEN' })
        },
      },
      { backoff: fixed(1) },
    )
    await within(() => place.createQueue().enqueue('work', 1))
    await eventually(() => spans('process').length === 2)
    const [caller] = spans('caller')
    const [send] = spans('send')
    expect(send?.kind).toBe(SpanKind.PRODUCER)
    expect(send?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
    for (const span of spans('process')) {
      expect(span.kind).toBe(SpanKind.CONSUMER)
      expect(span.parentSpanContext?.spanId).toBe(send?.spanContext().spanId)
    }
    const traceId = caller?.spanContext().traceId
    expect(seen).toEqual([traceId, traceId])
    expect(spans('process').map(({ status }) => status)).toEqual([
      { code: SpanStatusCode.ERROR, message: 'E_BROKEN' },
      { code: SpanStatusCode.UNSET },
    ])
    expect(
      JSON.stringify(spans('process').map(({ attributes, events }) => [attributes, events])),
    ).not.toContain('secret text')
  })

  test('a job that names a trace is sent as a part of it', async ({ place }) => {
    await place.createQueue().enqueue('work', 1, { traceparent: SAMPLED })
    const [send] = spans('send')
    expect(send?.spanContext().traceId).toBe(TRACE_ID)
    const [entry] = await entries(place)
    expect(entry?.at(-1)).toContain(send?.spanContext().spanId)
  })

  test('jobs of several traces stay in theirs, and the sending links to those that are recorded', async ({
    place,
  }) => {
    await place.createQueue().enqueueMany([
      { name: 'work', data: 1, traceparent: SAMPLED },
      { name: 'work', data: 2, traceparent: UNSAMPLED },
      { name: 'work', data: 3 },
    ])
    const [send] = spans('send')
    expect(send?.links.map((link) => link.context.traceId)).toEqual([TRACE_ID])
    expect(send?.parentSpanContext).toBeUndefined()
    const [first, second] = await entries(place)
    expect([first?.at(-1), second?.at(-1)]).toEqual([
      expect.stringContaining(SAMPLED),
      expect.stringContaining(UNSAMPLED),
    ])
  })

  test('a trace that is not recorded goes on unrecorded', async ({ place }) => {
    const flags: (number | undefined)[] = []
    await place.startWorker({ work: () => void flags.push(trace.getActiveSpan()?.spanContext().traceFlags) })
    await place.createQueue().enqueue('work', 1, { traceparent: UNSAMPLED })
    await eventually(() => place.eventsOf('completed').length === 1)
    expect(flags).toEqual([0])
    expect(exporter.getFinishedSpans()).toEqual([])
  })

  test('a malformed traceparent begins a new trace', async ({ place }) => {
    await place.startWorker({ work: () => undefined })
    await place.createQueue().enqueue('work', 1, { traceparent: `00-${'0'.repeat(32)}-1-01` })
    await eventually(() => spans('process').length === 1)
    const [process] = spans('process')
    const [send] = spans('send')
    expect(send?.parentSpanContext).toBeUndefined()
    expect(process?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId)
  })
})
