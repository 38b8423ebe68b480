import type { Context, Next } from 'hono'
import type { GenericSchema } from 'valibot'
import { containsCardNumber } from '@titan/payments'
import type { AppEnv } from './env.ts'
import { Problem } from '../problem.ts'
import { readJson } from './strict-json.ts'
import { validateBody } from './validate.ts'

/** The largest body of a request, in bytes. */
const MAX_BODY_BYTES = 16 * 1024

/** The largest batch, and more than any webhook of a gateway that concerns this project. */
const MAX_LARGE_BODY_BYTES = 256 * 1024
/** Paths as they are routed. */
const LARGE_BODIES = /^\/(gateway-webhooks\/|payments batch$)/

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * Bounds the body of every request, whatever route reads it and in whatever form: 413 over the bound, 400 when it ends early.
 * With a length in the header nothing is read here, because the HTTP parser lets no more bytes through.
 */
export async function limitBodies(context: Context<AppEnv>, next: Next): Promise<void> {
  const { method, path } = context.req
  const maxBytes = LARGE_BODIES.test(path) ? MAX_LARGE_BODY_BYTES : MAX_BODY_BYTES
  const length = context.req.header('content-length')
  const isChunked = context.req.header('transfer-encoding') !== undefined
  if (length !== undefined && !isChunked) {
    if (Number(length) > maxBytes) throw tooLarge(maxBytes)
    return next()
  }
  // HTTP/1.1 has no body without either header; a request that was made without a socket may have one.
  const mayHaveBody = isChunked || context.env?.incoming === undefined
  if (mayHaveBody && method !== 'GET' && method !== 'HEAD' && context.req.raw.body !== null) {
    const counted: RequestInit = { body: await readAtMost(context.req.raw.body, maxBytes) }
    context.req.raw = new Request(context.req.raw, counted)
  }
  return next()
}

/** Reads a stream to its end. @throws Problem `body-too-large` or `malformed-json` */
async function readAtMost(body: ReadableStream<Uint8Array>, maxBytes: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw endedEarly()
    })
    if (done) return Buffer.concat(chunks)
    size += value.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(value)
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('body-too-large', { detail: `The body has more than ${maxBytes / 1024} kB.` })
}

function endedEarly(): Problem {
  return new Problem('malformed-json', { detail: 'The body ended before it was complete.' })
}

/** Reads and checks the JSON body of a request, in an order that lets no card number reach a response or a log. */
export async function readBody<Output>(
  context: Context,
  schema: GenericSchema<unknown, Output>,
): Promise<Output> {
  const { value, strings, errors } = await readJsonBody(context)
  if (strings.some((string) => containsCardNumber(string))) throw new Problem('card-data-not-allowed')
  if (errors.length > 0) throw new Problem('validation-failed', { errors })
  return validateBody(schema, value)
}

/** Reads the JSON of a body, and what is wrong with it. @throws Problem for another media type, or what is no JSON */
export async function readJsonBody(context: Context, maxErrors?: number) {
  const encoding = context.req.header('content-encoding') ?? 'identity'
  if (encoding !== 'identity' || !JSON_TYPE.test(context.req.header('content-type') ?? ''))
    throw new Problem('unsupported-media-type', { headers: { accept: 'application/json' } })
  const bytes = await readBytes(context)
  const text = orMalformed(() => UTF8.decode(bytes), 'The body is not valid UTF-8.')
  return orMalformed(() => readJson(text, maxErrors))
}

/** Reads a JSON body that may be left out: then it is an empty object. */
export async function readOptionalBody<Output>(
  context: Context,
  schema: GenericSchema<unknown, Output>,
): Promise<Output> {
  const length = context.req.header('content-length')
  const isChunked = context.req.header('transfer-encoding') !== undefined
  // A request that was made without a socket has neither header.
  const isWithoutSocket = context.env?.incoming === undefined && context.req.raw.body !== null
  const hasBody = length === undefined ? isChunked || isWithoutSocket : length !== '0'
  return hasBody ? readBody(context, schema) : validateBody(schema, {})
}

/** Reads a body that {@link limitBodies} has bounded. @throws Problem `malformed-json` when it ends early */
export async function readBytes(context: Context): Promise<ArrayBuffer> {
  try {
    return await context.req.arrayBuffer()
  } catch {
    throw endedEarly()
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Returns what `read` makes of a body. @throws Problem `malformed-json` when it cannot */
function orMalformed<Value>(read: () => Value, detail?: string): Value {
  try {
    return read()
  } catch {
    throw new Problem('malformed-json', { detail })
  }
}
