import type Stripe from 'stripe'
import type { IntentRow } from '../model/intent.ts'
import type { Answer } from './answer.ts'

/** The members of an error that do not depend on an object. */
export type ErrorFacts = Pick<Stripe.StripeRawError, 'type' | 'message' | 'code' | 'param'>

/** Returns the page about an error code. */
export function docUrlOf(code: string): string {
  return `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`
}

/** An error in Stripe's JSON shape. */
export function errorAnswer(status: number, error: ErrorFacts): Answer {
  return { status, body: { kind: 'error', error } }
}

/** A parameter is missing or wrong. */
export function invalidRequest(code: string | undefined, param: string | undefined, message: string): Answer {
  return errorAnswer(400, {
    type: 'invalid_request_error',
    ...(code !== undefined && { code }),
    ...(param !== undefined && { param }),
    message,
  })
}

/** There is no such object: 404 when the path names it, 400 when a parameter does. */
export function noSuch(what: string, id: string, param: string, status: 400 | 404): Answer {
  const message = `No such ${what}: '${id}'`
  return errorAnswer(status, { type: 'invalid_request_error', code: 'resource_missing', param, message })
}

/** The intent's status does not allow what was asked. */
export function unexpectedState(intent: IntentRow, message: string): Answer {
  const code = 'payment_intent_unexpected_state'
  return {
    status: 400,
    body: { kind: 'error', error: { type: 'invalid_request_error', code, message }, intent },
  }
}

/** The card was declined; the intent says why. */
export function cardError(intent: IntentRow): Answer {
  return { status: 402, body: { kind: 'card_error', intent } }
}

/** No route of Stripe's. */
export function unrecognized(method: string, path: string): Answer {
  const message = `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`
  return errorAnswer(404, { type: 'invalid_request_error', message })
}

/** Another request under the same key is being carried out. */
export const KEY_IN_USE = errorAnswer(409, {
  type: 'idempotency_error',
  code: 'idempotency_key_in_use',
  message:
    'There is currently another in-progress request using this Idempotent Key. Please try again later.',
})

/** The key was used with other parameters. */
export const KEY_MISMATCH = errorAnswer(400, {
  type: 'idempotency_error',
  message:
    'Keys for idempotent requests can only be used with the same parameters they were first used with.',
})

/** Longest idempotency key. */
const KEY_LENGTH = 255

/** Says that a key is too long, or empty; undefined when it is neither. */
export function refusalOfKey(key: string | null): Answer | undefined {
  if (key === null || (key.length >= 1 && key.length <= KEY_LENGTH)) return undefined
  const message = `Idempotent key length is ${key.length}, which is outside accepted lengths. Idempotent Keys must be 1-${KEY_LENGTH} characters long.`
  return errorAnswer(400, { type: 'idempotency_error', message })
}

/** The answer of a request that broke on the way. */
export const FAULT = errorAnswer(500, { type: 'api_error', message: 'Something went wrong on our end.' })

/** The answers that come before the endpoint sees the request, by status. */
export const FRONT_ANSWERS: Readonly<Record<400 | 401 | 403 | 404 | 409 | 429 | 503 | 'nothing', Answer>> = {
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
