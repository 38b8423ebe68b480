import type { Behaviour } from './behaviour.ts'
import type { StoredAnswer } from './ledger-entry.ts'

/** An error in Stripe's JSON shape. */
export function errorAnswer(
  status: number,
  error: { readonly type: string; readonly message: string } & Readonly<Record<string, unknown>>,
): StoredAnswer {
  return { status, body: { error } }
}

/** A parameter is missing or wrong. */
export function invalidRequest(code: string, param: string, message: string) {
  return errorAnswer(400, { type: 'invalid_request_error', code, param, message })
}

/** Another request under the same key is being carried out. */
export const KEY_IN_USE = errorAnswer(409, {
  type: 'idempotency_error',
  code: 'idempotency_key_in_use',
  message: 'There is currently another in-progress request using this idempotency key.',
})

/** The key was used with other parameters. */
export const KEY_MISMATCH = errorAnswer(400, {
  type: 'idempotency_error',
  message:
    'Keys for idempotent requests can only be used with the same parameters they were first used with.',
})

/** The answer of a request that broke on the way. */
export const FAULT = errorAnswer(500, { type: 'api_error', message: 'Something went wrong on our end.' })

/** The answers that come before the endpoint sees the request, by status. */
export const FRONT_ANSWERS: Readonly<Record<NonNullable<Behaviour['front']>, StoredAnswer>> = {
  400: invalidRequest('parameter_unknown', 'payment_method', 'Received unknown parameter: payment_method'),
  401: errorAnswer(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' }),
  403: errorAnswer(403, {
    type: 'invalid_request_error',
    message: 'The provided key does not have the required permissions for this endpoint.',
  }),
  404: errorAnswer(404, { type: 'invalid_request_error', message: 'Unrecognized request URL.' }),
  409: KEY_IN_USE,
  429: errorAnswer(429, { type: 'invalid_request_error', code: 'rate_limit', message: 'Too many requests.' }),
  503: errorAnswer(503, { type: 'api_error', message: 'The service is not available just now.' }),
  nothing: FAULT,
}
