import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { GenericSchema } from 'valibot'
import { containsCardNumber } from '@titan/payments'
import { Problem } from './problem.ts'
import { readJson, type JsonReading } from './strict-json.ts'
import { validateBody } from './validate.ts'

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES: number = 16 * 1024

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * Refuses longer bodies. Where the client told the length, that is all that is looked at: the HTTP parser lets no
 * more bytes through, and a body that nobody counts need not become a web stream.
 */
export function limitBody(maxBytes: number = MAX_BODY_BYTES, detail?: string): MiddlewareHandler {
  const refuse = (): never => {
    throw new Problem('body-too-large', detail === undefined ? {} : { detail })
  }
  const count = bodyLimit({ maxSize: maxBytes, onError: refuse })
  return function limitLength(context, next) {
    const length = context.req.header('content-length')
    if (length === undefined || context.req.header('transfer-encoding') !== undefined)
      return count(context, next)
    return Number(length) > maxBytes ? refuse() : next()
  }
}

/**
 * Reads and checks the JSON body of a request, in an order that lets no card number reach an answer or a log.
 *
 * @throws Problem `unsupported-media-type`, `malformed-json`, `card-data-not-allowed` or `validation-failed`.
 */
export async function readBody<Output>(
  context: Context,
  schema: GenericSchema<unknown, Output>,
): Promise<Output> {
  requireJson(context)
  const { value, strings, errors } = parse(decode(await readBytes(context)))
  if (strings.some(containsCardNumber)) throw new Problem('card-data-not-allowed')
  if (errors.length > 0) throw new Problem('validation-failed', { errors })
  return validateBody(schema, value)
}

function requireJson(context: Context): void {
  const encoding = context.req.header('content-encoding') ?? 'identity'
  if (encoding !== 'identity' || !JSON_TYPE.test(context.req.header('content-type') ?? '')) {
    throw new Problem('unsupported-media-type', { headers: { accept: 'application/json' } })
  }
}

async function readBytes(context: Context): Promise<ArrayBuffer> {
  try {
    return await context.req.arrayBuffer()
  } catch {
    throw new Problem('malformed-json', { detail: 'The body ended before it was complete.' })
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: ArrayBuffer): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new Problem('malformed-json', { detail: 'The body is not valid UTF-8.' })
  }
}

function parse(text: string): JsonReading {
  try {
    return readJson(text)
  } catch {
    throw new Problem('malformed-json')
  }
}
