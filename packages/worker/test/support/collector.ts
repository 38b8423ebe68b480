import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A span as it came over OTLP, as far as tests look at it. */
export interface CollectedSpan {
  /** Name of the program. */
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  readonly name: string
}

/** Takes spans as a collector does. */
export interface Collector {
  readonly url: string
  /** Every byte so far. */
  received(): Buffer
  spans(): CollectedSpan[]
  /** Names from a span up to the root of its trace, and at the end the id of the parent that is not ours. */
  pathsOf(name: string): string[][]
}

/** Starts a collector that ends with the test. */
export async function startCollector(): Promise<Collector> {
  const exports: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      exports.push(Buffer.concat(chunks))
      response.end()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const spans = (): CollectedSpan[] => exports.flatMap(readExport)

  function pathOf(span: CollectedSpan, all: ReadonlyMap<string, CollectedSpan>): string[] {
    const parent = all.get(span.parentSpanId)
    return [span.name, ...(parent === undefined ? [span.parentSpanId] : pathOf(parent, all))]
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => Buffer.concat(exports),
    spans,
    pathsOf(name) {
      const all = new Map(spans().map((span) => [span.spanId, span]))
      return [...all.values()].filter((span) => span.name === name).map((span) => pathOf(span, all))
    },
  }
}

/** The fields of a message of Protocol Buffers that hold bytes, by their numbers. */
type Message = ReadonlyMap<number, readonly Buffer[]>

/** Numbers of fields as opentelemetry/proto/{collector,trace,common}/v1 give them. */
function readExport(bytes: Buffer): CollectedSpan[] {
  return messages(readMessage(bytes), 1).flatMap((resourceSpans) => {
    const attributes = messages(resourceSpans, 1).flatMap((resource) => messages(resource, 1))
    const named = attributes.find((attribute) => first(attribute, 1).toString() === 'service.name')
    const service = named === undefined ? '' : first(readMessage(first(named, 2)), 1).toString()
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        service,
        traceId: first(span, 1).toString('hex'),
        spanId: first(span, 2).toString('hex'),
        parentSpanId: first(span, 4).toString('hex'),
        name: first(span, 5).toString(),
      }))
  })
}

function messages(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map(readMessage)
}

function first(message: Message, field: number): Buffer {
  return message.get(field)?.[0] ?? Buffer.alloc(0)
}

function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, Buffer[]>()
  let at = 0
  const readVarint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = bytes.readUInt8(at++)
      value += (byte & 0x7f) * scale
      scale *= 0x80
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const wireType = tag & 7
    if (wireType === 0) readVarint()
    else if (wireType === 1) at += 8
    else if (wireType === 5) at += 4
    else {
      const length = readVarint()
      const field = tag >>> 3
      fields.set(field, [...(fields.get(field) ?? []), bytes.subarray(at, at + length)])
      at += length
    }
  }
  return fields
}
