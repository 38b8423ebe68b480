import type { GenericSchema } from 'valibot'
import type { ProblemCode } from '../problem.ts'
import type { ComponentName } from './components.ts'
import type { HeaderName } from './headers.ts'

/** One route as the document tells of it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  /** As OpenAPI writes it, such as `/payments/{payment_id}`. */
  readonly path: string
  /** For programs that are generated from the document. */
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  /** Markdown. */
  readonly description?: string
  /** The schema that the query is validated with. */
  readonly query?: GenericSchema
  /** Headers that the route reads. */
  readonly headers?: readonly ('Idempotency-Key' | 'If-None-Match')[]
  readonly body?: OperationBody
  readonly answers: readonly Answer[]
  /** The problems of this route; those that any route may answer are added. */
  readonly problems: readonly ProblemCode[]
}

/** The groups of routes. `Service` needs no API key. */
export type Tag = 'Payments' | 'Webhook endpoints' | 'Webhook events' | 'Gateways' | 'Service'

/** A JSON body that a route reads. */
export interface OperationBody {
  readonly schema: ComponentName
  /** @default true */
  readonly isRequired?: boolean
  readonly example: unknown
}

/** An answer that is no problem. */
export interface Answer {
  readonly status: number
  readonly description: string
  readonly headers?: readonly HeaderName[]
  /** Undefined: the answer has no JSON body. */
  readonly schema?: ComponentName
  /** @default 'application/json' when there is a schema */
  readonly mediaType?: string
  readonly example?: unknown
}
