import fc from 'fast-check'

/** The part of an OpenAPI document that says which requests there are. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
}

interface DocumentedOperation {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string }[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly example?: unknown }>> }
}

/** A request as bytes. */
export interface BadRequest {
  readonly bytes: Uint8Array
  /** Whether as much is sent as is announced: then there is an answer. */
  readonly whole: boolean
  readonly method: string
  readonly line: string
}

const VERBS = [
  'GET',
  'POST',
  'PATCH',
  'DELETE',
  'PUT',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'QUERY',
  'PURGE',
  'M-SEARCH',
]
const PROTOTYPE = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__']
const HUGE = [
  '1e400',
  '-1e400',
  '9007199254740993',
  '99999999999999999999999999',
  '0.1e-400',
  '-0',
  '1E5',
  '01',
]

/** Text of every unpleasant kind: NUL, controls, lone surrogates, prototype names. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    ...PROTOTYPE,
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\uD800',
    '\uFEFF',
    '../../etc',
    '%',
    '%00',
    "' or 1=1",
  ),
  fc.nat({ max: 5_000 }).map((length) => 'x'.repeat(length)),
)

const anySegment = fc.oneof(
  anyText.map(percentEncoded),
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[\s#?]/g, '%')),
  fc.constantFrom('%E0%A4%A', '%C0%80', '%2F', '..', '.', 'pay_1', 'we_1', 'evt_1', 'stripe'),
)

function percentEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

/** JSON with one thing wrong, deep JSON, JSON of anything. */
function anyJson(example: unknown): fc.Arbitrary<string> {
  const sound = JSON.stringify(example ?? {})
  const members = Object.keys(example ?? {})
  const member = members.length === 0 ? anyText : fc.oneof(fc.constantFrom(...members), anyText)
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }).map((any) => JSON.stringify(any)),
    fc.constantFrom(...HUGE),
    anyText.map((text) => JSON.stringify(text)),
    fc.integer({ min: 1, max: 9_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
    fc.integer({ min: 1, max: 2_000 }).map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
  )
  return fc.oneof(
    fc.constant(sound),
    fc
      .tuple(member, value)
      .map(
        ([name, text]) => `${sound.slice(0, -1)}${sound === '{}' ? '' : ','}${JSON.stringify(name)}:${text}}`,
      ),
    fc.tuple(member, value).map(([name, text]) => `{${JSON.stringify(name)}:${text}}`),
    value,
    fc.nat({ max: sound.length }).map((length) => sound.slice(0, length)),
    fc.constantFrom('', '{', '\u0000', '\uFEFF{}', 'NaN', "{'a':1}", `{"__proto__":{"amount":1}}`, 'null'),
  )
}

const anyBytes = fc.uint8Array({ maxLength: 300 })

function anyBody(example: unknown): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    { weight: 6, arbitrary: anyJson(example).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: anyBytes },
    { weight: 1, arbitrary: fc.constantFrom(17_000, 300_000).map((length) => Buffer.alloc(length, 'a')) },
  )
}

const headerText = anyText.map((text) => text.replaceAll(/[\r\n]|\0/g, ''))

const anyHeader: fc.Arbitrary<string> = fc.oneof(
  fc
    .constantFrom(
      'application/json',
      'application/json; charset=utf-8',
      'application/json; charset=utf-16',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      '',
      ';;;',
    )
    .map((type) => `content-type: ${type}`),
  fc
    .constantFrom('gzip', 'br', 'identity', 'deflate, gzip', 'nonsense', '')
    .map((encoding) => `content-encoding: ${encoding}`),
  fc
    .constantFrom('gzip', 'gzip, deflate, br', 'identity;q=0', '*')
    .map((encoding) => `accept-encoding: ${encoding}`),
  headerText.map((text) => `idempotency-key: ${text}`),
  fc
    .tuple(
      fc.constantFrom(
        'authorization',
        'if-none-match',
        'x-request-id',
        'stripe-signature',
        'accept',
        'origin',
        'cookie',
        'x-forwarded-for',
        'range',
        'host',
        'x-http-method-override',
        'traceparent',
        'te',
        'upgrade',
      ),
      headerText,
    )
    .map(([name, text]) => `${name}: ${text}`),
)

/** How the length of the body is announced, and what is sent of it. */
type Framing = 'length' | 'chunked' | 'none' | 'short' | 'both'
const anyFraming = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Framing>('length') },
  { weight: 2, arbitrary: fc.constant<Framing>('chunked') },
  { weight: 1, arbitrary: fc.constantFrom<Framing>('none', 'short', 'both') },
)

function framed(
  body: Uint8Array,
  framing: Framing,
): { readonly headers: string[]; readonly body: Uint8Array } {
  const length = `content-length: ${body.length}`
  const chunks = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ])
  const chunked = {
    headers: ['transfer-encoding: chunked'],
    body: body.length === 0 ? Buffer.from('0\r\n\r\n') : chunks,
  }
  if (framing === 'chunked') return chunked
  if (framing === 'both') return { headers: [length, ...chunked.headers], body: chunked.body }
  if (framing === 'none') return { headers: [], body }
  return { headers: [length], body: framing === 'short' ? body.subarray(0, body.length >> 1) : body }
}

/** Requests that go wrong in any part, for every operation of the document and for none of them. */
export function anyBadRequest({ paths }: Document): fc.Arbitrary<BadRequest> {
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ path, verb: verb.toUpperCase(), operation })),
  )
  const anyOperation = fc.constantFrom(...operations).chain(({ path, verb, operation }) => {
    const names = (operation.parameters ?? []).flatMap((parameter) =>
      parameter.in === 'query' && parameter.name !== undefined ? [parameter.name] : [],
    )
    const example = Object.values(operation.requestBody?.content ?? {})[0]?.example
    const slots = path.split(/\{\w+\}/)
    return fc.record({
      method: fc.oneof(
        { weight: 5, arbitrary: fc.constant(verb) },
        { weight: 1, arbitrary: fc.constantFrom(...VERBS) },
      ),
      path: fc
        .array(anySegment, { minLength: slots.length - 1, maxLength: slots.length - 1 })
        .map((segments) => slots.map((slot, index) => slot + (segments[index] ?? '')).join('')),
      query: anyQuery(names),
      headers: fc.array(anyHeader, { maxLength: 4 }),
      body: anyBody(example),
      framing: anyFraming,
    })
  })
  const elsewhere = fc.record({
    method: fc.constantFrom(...VERBS),
    path: fc.array(anySegment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
    query: anyQuery([]),
    headers: fc.array(anyHeader, { maxLength: 4 }),
    body: anyBody({}),
    framing: anyFraming,
  })
  return fc
    .oneof({ weight: 9, arbitrary: anyOperation }, { weight: 1, arbitrary: elsewhere })
    .map((parts) => {
      const { headers, body } = framed(parts.body, parts.framing)
      // Without a type nobody reads the body, and nothing behind the type would be reached.
      const type = parts.headers.some((header) => header.startsWith('content-type:'))
        ? []
        : ['content-type: application/json']
      const line = `${parts.method} ${parts.path}${parts.query} HTTP/1.1`
      const head = [line, 'host: localhost', 'connection: close', ...type, ...parts.headers, ...headers].join(
        '\r\n',
      )
      return {
        whole: parts.framing !== 'short',
        method: parts.method,
        line,
        bytes: Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]),
      }
    })
}

function anyQuery(names: readonly string[]): fc.Arbitrary<string> {
  const name =
    names.length === 0
      ? anySegment
      : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, anySegment)
  const value = fc.oneof(
    anySegment,
    fc.constantFrom('1', '0', '-1', '1e9', '999999999999999999', 'true', 'SUCCESS'),
  )
  const cursor = anyBytes.map((bytes) => Buffer.from(bytes).toString('base64url'))
  return fc
    .array(fc.tuple(name, fc.oneof({ weight: 4, arbitrary: value }, cursor)), { maxLength: 3 })
    .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([key, text]) => `${key}=${text}`).join('&')}`))
}

/** Bytes that are hardly HTTP: random ones, and a sound request with some bytes changed. */
export const anyBrokenHttp: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
  fc
    .tuple(
      fc.constantFrom(
        'POST /pay HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
        'GET /payments?limit=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
        'POST /pay HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      ),
      fc.array(fc.tuple(fc.nat({ max: 1_000 }), fc.uint8Array({ maxLength: 3 })), {
        minLength: 1,
        maxLength: 4,
      }),
    )
    .map(([sound, changes]) => {
      let bytes = Buffer.from(sound)
      for (const [place, insert] of changes) {
        const at = place % bytes.length
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + (place % 2))])
      }
      return bytes
    }),
  fc
    .constantFrom(20_000, 100_000)
    .map((length) => Buffer.from(`GET /${'a'.repeat(length)} HTTP/1.1\r\n\r\n`)),
  fc.nat({ max: 3_000 }).map((count) => Buffer.from(`GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(count)}\r\n`)),
)
