import { TitanConnectionError, TitanError } from './errors.ts'
import type { Problem } from './openapi.ts'

/** The largest page, 100 payments with all their members, has less than 2 MiB. */
const MAX_RESPONSE_BYTES = 16 * 1_024 * 1_024

/** Returns whether JavaScript holds a number exactly, unlike 2^53 and its neighbours. */
function isExact(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

/** Writes a body. @throws {TitanError} `UNSAFE_NUMBER` */
export function writeJson(body: object): string {
  return JSON.stringify(body, (name, value: unknown) => {
    if (typeof value === 'bigint' || (typeof value === 'number' && !isExact(value)))
      throw new TitanError('UNSAFE_NUMBER', `${name} must be a safe integer, got ${value}`)
    return value
  })
}

/** Reads JSON text. @throws {TitanError} `UNSAFE_NUMBER`, or a SyntaxError */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (name, value: unknown) => {
    if (typeof value === 'number' && !isExact(value))
      throw new TitanError('UNSAFE_NUMBER', `The member ${name} is not a safe integer`)
    return value
  })
}

/** Reads a whole response. @throws {TitanConnectionError} `RESPONSE_TOO_LARGE`, or what the stream throws */
export async function readBytes({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > MAX_RESPONSE_BYTES) {
      const message = `The response has more than ${MAX_RESPONSE_BYTES} bytes`
      throw new TitanConnectionError('RESPONSE_TOO_LARGE', message)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Reads the JSON of a response, which has to say that it is JSON. @throws {TitanError} `INVALID_RESPONSE`, `UNSAFE_NUMBER` */
export function readJson({ headers, status }: Response, bytes: Uint8Array): unknown {
  const type = headers.get('content-type') ?? 'no media type'
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new TitanConnectionError(
      'INVALID_RESPONSE',
      `HTTP ${status} is not JSON of the API: ${type.slice(0, 60)}`,
    )
  try {
    const value = parseJson(decodeText(bytes))
    if (typeof value === 'object' && value !== null) return value
    throw new TypeError('no object')
  } catch (error) {
    if (error instanceof TitanError) throw error
    throw new TitanConnectionError('INVALID_RESPONSE', `HTTP ${status} is not valid JSON`, { cause: error })
  }
}

/** Reads the problem document of a response; undefined when there is none. */
export function readProblem({ headers }: Response, bytes: Uint8Array): Problem | undefined {
  if (!/^application\/problem\+json\s*(;|$)/i.test(headers.get('content-type') ?? '')) return undefined
  try {
    const problem = parseJson(decodeText(bytes)) as Problem
    return typeof problem.code === 'string' && typeof problem.title === 'string' ? problem : undefined
  } catch {
    return undefined
  }
}

/** Decodes UTF-8. @throws a TypeError when it is not */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
