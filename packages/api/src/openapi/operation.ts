import type { GenericSchema } from 'valibot'
import type { ProblemCode } from '../problems.ts'
import type { SchemaName } from './schemas.ts'

/** One route as the OpenAPI document describes it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  /** As OpenAPI writes it, such as `/payments/{payment_id}`. */
  readonly path: string
  /** For generated clients. */
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  /** Markdown. */
  readonly description?: string | undefined
  /** Validates the query. */
  readonly query?: GenericSchema | undefined
  readonly body?: RequestBody | undefined
  readonly requestHeaders?: readonly RequestHeaderName[] | undefined
  /** Whether the first response has an ETag, and `If-None-Match` is answered 304. @default false */
  readonly isConditional?: boolean | undefined
  readonly responses: readonly ResponseSpec[]
  /** The problems of this route alone: those of any query, body or request are added. @default none */
  readonly problems?: readonly ProblemCode[] | undefined
}

/** The JSON body of a request. */
export interface RequestBody<Output = unknown> {
  /** The name of the schema in the document. */
  readonly name: string
  readonly schema: GenericSchema<unknown, Output>
  /** Whether it may be left out. @default false */
  readonly isOptional?: boolean
  readonly example: object
}

/** A response that is not a problem. */
export interface ResponseSpec {
  readonly status: number
  readonly description: string
  readonly headers?: readonly HeaderName[]
  /** Undefined: the response has no JSON body. */
  readonly schema?: SchemaName
  /** @default 'application/json' when there is a schema */
  readonly mediaType?: string
  /** @default the example of the schema */
  readonly example?: object | string
}

/** Describes a response with a JSON body, and the example of its schema. */
export function json(
  status: number,
  schema: SchemaName,
  description: string,
  ...headers: readonly HeaderName[]
): ResponseSpec {
  return { status, schema, description, headers }
}

/** The groups of routes, in the order of the page. `Service` and `Gateways` need no API key. */
export const TAGS = {
  Payments: 'Create payments and follow them',
  Refunds: 'Return what was charged',
  Authorizations: 'Capture what a payment with manual capture has reserved, or release it',
  'Webhook endpoints': 'Where events are sent',
  'Webhook events': 'What was sent, and how to send it again',
  Gateways: 'What gateways report about their charges',
  Service: 'The service itself',
}

/** One of {@link TAGS}. */
export type Tag = keyof typeof TAGS

const header = (description: string, example: string) => ({
  description,
  schema: { type: 'string' },
  example,
})

/** Headers of responses. */
export const HEADERS = {
  Location: header('Address of the new resource', '/payments/pay_019aa1b2c3d4e5f6a7b8c9d0e1f2a3b4'),
  'Idempotent-Replayed': header('"true" when the key was known and nothing new was stored', 'true'),
  'Retry-After': header('Seconds to wait before the next request', '1'),
  ETag: header('The version of the body, for If-None-Match', '"dBjftJeZ4CVP-mB92K27uh"'),
  Link: header(
    'The next page, with rel="next"; absent on the last page',
    '</payments?cursor=cGF5Xw>; rel="next"',
  ),
  RateLimit: header('The rest: r requests now, all of them again in t seconds', '"default";r=99;t=1'),
  'RateLimit-Policy': header('The limit: q requests in w seconds', '"default";q=100;w=60'),
  'WWW-Authenticate': header('How to send the API key', 'Bearer realm="titan"'),
}

/** The name of a header of responses. */
export type HeaderName = keyof typeof HEADERS

/** Headers of requests. */
export const REQUEST_HEADERS = {
  'Idempotency-Key': header(
    'Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal.',
    'order-4711',
  ),
  'If-None-Match': header(
    'The ETag of an earlier response: 304 without a body when nothing has changed',
    '"dBjftJeZ4CVP-mB92K27uh"',
  ),
}

type RequestHeaderName = keyof typeof REQUEST_HEADERS
