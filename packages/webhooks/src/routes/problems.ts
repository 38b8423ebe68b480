import type { Context } from 'hono'
import { WebhooksError, type WebhooksErrorCode } from '../errors.ts'

/** The stable code of one kind of problem. */
export type WebhookProblemCode =
  | 'malformed-json'
  | 'unsupported-media-type'
  | 'body-too-large'
  | 'validation-failed'
  | 'webhook-endpoint-not-found'
  | 'webhook-event-not-found'
  | 'webhook-delivery-not-found'
  | 'webhook-endpoint-disabled'
  | 'webhook-secret-rotating'
  | 'internal-error'

/** What is always true of one kind of problem. */
export interface WebhookProblemKind {
  readonly status: number
  readonly title: string
  /** What the caller can do about it. */
  readonly advice: string
}

/** Every problem of these routes, by code (RFC 9457). The first four and the last are the same ones that other routes have. */
export const WEBHOOK_PROBLEMS: Readonly<Record<WebhookProblemCode, WebhookProblemKind>> = {
  'malformed-json': {
    status: 400,
    title: 'The body is not valid JSON',
    advice: 'Send one JSON object, encoded in UTF-8.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The media type is not supported',
    advice: 'Send "Content-Type: application/json", in UTF-8 and without a Content-Encoding.',
  },
  'body-too-large': { status: 413, title: 'The body is too large', advice: 'A body has at most 16 kB.' },
  'validation-failed': {
    status: 400,
    title: 'The request is not valid',
    advice: 'Correct what is listed in "errors" and send it again.',
  },
  'webhook-endpoint-not-found': {
    status: 404,
    title: 'No such webhook endpoint',
    advice: 'Check the id. A deleted endpoint does not come back.',
  },
  'webhook-event-not-found': {
    status: 404,
    title: 'No such event',
    advice: 'Check the id. Events that nobody was subscribed to are not kept.',
  },
  'webhook-delivery-not-found': { status: 404, title: 'No such delivery', advice: 'Check the id.' },
  'webhook-endpoint-disabled': {
    status: 409,
    title: 'The webhook endpoint is disabled',
    advice: 'Enable it with PATCH {"enabled": true} first.',
  },
  'webhook-secret-rotating': {
    status: 409,
    title: 'The secret was rotated a short while ago',
    advice:
      'The secret before still signs beside the present one. Wait for the time in Retry-After, or send {"force": true} to end it now.',
  },
  'internal-error': { status: 500, title: 'Something went wrong here', advice: 'Try again.' },
}

/** One fault of a request: where it is and what is wrong. */
export type FieldError =
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string }

/** Thrown anywhere in these routes: the answer is the problem with this `code`. */
export class WebhookProblem extends Error {
  override readonly name = 'WebhookProblem'
  readonly code: WebhookProblemCode
  readonly errors: readonly FieldError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: WebhookProblemCode,
    options: {
      readonly errors?: readonly FieldError[]
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(WEBHOOK_PROBLEMS[code].title)
    this.code = code
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }
}

const CODES: Readonly<Record<WebhooksErrorCode, WebhookProblemCode>> = {
  DELIVERY_NOT_FOUND: 'webhook-delivery-not-found',
  ENDPOINT_DISABLED: 'webhook-endpoint-disabled',
  ENDPOINT_NOT_FOUND: 'webhook-endpoint-not-found',
  EVENT_NOT_FOUND: 'webhook-event-not-found',
  INVALID_CONFIG: 'internal-error',
  INVALID_ENDPOINT: 'validation-failed',
  ROTATION_OVERLAP: 'webhook-secret-rotating',
  SECRET_UNREADABLE: 'internal-error',
}

/** The problem that an error means for the client; undefined when it is somebody else's to answer. */
export function problemOf(error: unknown): WebhookProblem | undefined {
  if (error instanceof WebhookProblem) return error
  if (!(error instanceof WebhooksError)) return undefined
  const { code, field, message, retryAfterMs } = error
  return new WebhookProblem(CODES[code], {
    ...(field === undefined ? {} : { errors: [{ pointer: `/${field}`, detail: message }] }),
    ...(retryAfterMs === undefined
      ? {}
      : { headers: { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) } }),
  })
}

/** Makes the `application/problem+json` answer, in the form that the whole API has. */
export function renderProblem({ code, errors, headers }: WebhookProblem, context: Context): Response {
  const { status, title } = WEBHOOK_PROBLEMS[code]
  const given: unknown = context.get('requestId')
  const requestId = typeof given === 'string' ? given : crypto.randomUUID()
  const body = {
    type: `/problems/${code}`,
    title,
    status,
    ...(context.req.path.length > MAX_INSTANCE ? {} : { instance: context.req.path }),
    code,
    request_id: requestId,
    ...(errors.length === 0 ? {} : { errors }),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...headers,
    },
  })
}

/** A longer path is not repeated in the answer. */
const MAX_INSTANCE = 128
