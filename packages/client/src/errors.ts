import type { Problem } from './openapi.ts'

/** The codes of errors that the client itself finds; all others are codes of the API, such as `payment-not-found`. */
export type ClientErrorCode =
  /** An option or argument that the client refuses; nothing was sent. */
  | 'INVALID_ARGUMENT'
  /** An amount, or another number, that JavaScript cannot hold exactly: in a request, nothing was sent. */
  | 'UNSAFE_NUMBER'
  /** No connection, or it broke before the response was complete. */
  | 'CONNECTION_FAILED'
  /** No complete response within `timeoutMs`. */
  | 'TIMEOUT'
  /** A response that this API does not send, such as a page of a proxy. */
  | 'INVALID_RESPONSE'
  /** A response of more than 16 MiB. */
  | 'RESPONSE_TOO_LARGE'
  /** A redirect, which is not followed: the API key is for this server. */
  | 'REDIRECTED'
  /** `waitForEnd` reached its `timeoutMs`: the payment is still in progress. */
  | 'WAIT_TIMEOUT'
  /** A 4xx or 5xx response without a problem document. */
  | 'UNKNOWN_PROBLEM'
  /** A webhook that is not proven to come from the API. */
  | 'WEBHOOK_NOT_VERIFIED'

/** The code of an {@link TitanError}; the API may add more. */
export type TitanErrorCode = ClientErrorCode | Problem['code'] | (string & {})

/** Every error of the client, apart from the reason of an aborted signal. Match `code`; messages may change. */
export class TitanError extends Error {
  override readonly name: string = 'TitanError'
  readonly code: TitanErrorCode
  /** The key of the request that failed. The same request with this key never pays twice. */
  idempotencyKey: string | undefined

  constructor(code: TitanErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** There was no usable response: what became of the request is unknown. */
export class TitanConnectionError extends TitanError {
  override readonly name: string = 'TitanConnectionError'
}

/** What a 4xx or 5xx response says. */
interface ApiErrorOptions {
  readonly status: number
  readonly problem?: Problem | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/** The API responded with 4xx or 5xx. */
export class TitanApiError extends TitanError {
  override readonly name: string = 'TitanApiError'
  readonly status: number
  /** The problem document (RFC 9457); undefined when something else than the API responded. */
  readonly problem: Problem | undefined
  /** Quote it when you report a problem. */
  readonly requestId: string | undefined
  /** When to try again, if the API said so. */
  readonly retryAfterMs: number | undefined

  constructor({ status, problem, requestId, retryAfterMs }: ApiErrorOptions) {
    const text = problem === undefined ? 'no problem document' : (problem.detail ?? problem.title)
    super(problem?.code ?? 'UNKNOWN_PROBLEM', `HTTP ${status}: ${text}`)
    this.status = status
    this.problem = problem
    this.requestId = requestId
    this.retryAfterMs = retryAfterMs
  }
}
