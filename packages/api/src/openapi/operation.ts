import type { GenericSchema } from 'valibot'
import type { ProblemCode } from '../problem.ts'
import type { HeaderName, RequestHeaderName } from './headers.ts'

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
  readonly requestHeaders?: readonly RequestHeaderName[]
  /** Whether the first response has an ETag, and `If-None-Match` is answered 304. @default false */
  readonly isConditional?: boolean
  readonly responses: readonly ResponseSpec[]
  /** The problems of this route alone: those of any query, body or request are added. @default none */
  readonly problems?: readonly ProblemCode[]
}

/** The groups of routes. `Service` and `Gateways` need no API key. */
export type Tag = 'Payments' | 'Webhook endpoints' | 'Webhook events' | 'Gateways' | 'Service'

/** The JSON body of a request. */
export interface RequestBody<Output = unknown> {
  /** The name of the schema in the document. */
  readonly name: string
  readonly schema: GenericSchema<unknown, Output>
  /** Whether it may be left out. @default false */
  readonly isOptional?: boolean
  readonly example: unknown
}

/** A response that is not a problem. */
export interface ResponseSpec {
  readonly status: number
  readonly description: string
  readonly headers?: readonly HeaderName[]
  /** The name of a schema in the document. Undefined: the response has no JSON body. */
  readonly schema?: string
  /** @default 'application/json' when there is a schema */
  readonly mediaType?: string
  readonly example?: unknown
}
