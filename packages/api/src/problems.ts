/**
 * Every error of the API, by code: its HTTP status, its title and what the caller can do about it.
 * The table is the whole list; `problem.ts` makes the responses.
 */
export const PROBLEMS = {
  'malformed-json': {
    status: 400,
    title: 'The body is not valid JSON',
    advice: 'Send one JSON object, encoded in UTF-8. The idempotency key can be used again.',
  },
  'validation-failed': {
    status: 400,
    title: 'The request is not valid',
    advice: 'Correct the members listed in "errors", then retry. The idempotency key can be used again.',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'An idempotency key is required',
    advice:
      'Send a key that is unique for this payment as the body member "idempotency_key" or as the header "Idempotency-Key".',
  },
  'idempotency-key-invalid': {
    status: 400,
    title: 'The idempotency key is not valid',
    advice:
      'Use 1 to 255 visible ASCII characters, without spaces. Keys are case-sensitive. Quotes in the header are optional.',
  },
  'idempotency-key-repeated': {
    status: 400,
    title: 'The idempotency key was sent more than once',
    advice: 'Send one Idempotency-Key header.',
  },
  'idempotency-key-conflict': {
    status: 400,
    title: 'Header and body carry different idempotency keys',
    advice: 'Send the key once, or the same key in both places.',
  },
  'card-data-not-allowed': {
    status: 400,
    title: 'The request seems to contain a card number',
    advice:
      'Never send card data to this API, not even in an idempotency key. Nothing was stored. If the digits are a reference, add a letter to it.',
  },
  'invalid-cursor': {
    status: 400,
    title: 'The cursor is not valid',
    advice: 'Use "next_cursor" of the previous page unchanged, or leave the cursor out to start again.',
  },
  'bad-request': {
    status: 400,
    title: 'The request is not valid HTTP',
    advice: 'Check the request line and the headers.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    advice: 'Send headers and body without pauses. Retrying with the same idempotency key is safe.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    advice: 'Limit the URL and all headers to 16 kB in total.',
  },
  'gateway-webhook-refused': {
    status: 400,
    title: 'The webhook was not signed by the gateway',
    advice:
      'For gateways only. Check the signing secret. The body may have changed in transit, or the webhook may be too old.',
  },
  'api-key-missing': {
    status: 401,
    title: 'An API key is required',
    advice: 'Send "Authorization: Bearer <token>". The operator of this API issues tokens.',
  },
  'api-key-invalid': {
    status: 401,
    title: 'The API key is not valid',
    advice: 'It is mistyped, expired or revoked. Send "Authorization: Bearer <token>" with the whole token.',
  },
  'api-key-scope': {
    status: 403,
    title: 'The API key does not allow this',
    advice: 'Reading needs the scope read, payments write, and changes to webhook endpoints admin.',
  },
  'cross-site-request': {
    status: 403,
    title: 'The request came from a web page of another site',
    advice:
      'Without API keys, requests from pages of other sites are rejected. Set REQUIRE_API_KEY=true and send a key, or send the request from a program.',
  },
  'host-not-allowed': {
    status: 421,
    title: 'This host name requires API keys',
    advice:
      'Use localhost or 127.0.0.1. For another name, set REQUIRE_API_KEY=true, or list the host in ALLOWED_HOSTS.',
  },
  'payment-not-found': {
    status: 404,
    title: 'No such payment',
    advice: 'Check the id. After a lost response, repeat the same POST with the same key.',
  },
  'refund-not-found': {
    status: 404,
    title: 'No such refund',
    advice: 'Check the id. After a lost response, repeat the same POST with the same key.',
  },
  'capture-not-found': {
    status: 404,
    title: 'No such capture',
    advice: 'Check the id. After a lost response, repeat the same POST with the same key.',
  },
  'void-not-found': {
    status: 404,
    title: 'No such void',
    advice: 'Check the id. After a lost response, repeat the same POST with the same key.',
  },
  'not-found': { status: 404, title: 'No such resource', advice: 'Check the path.' },
  'method-not-allowed': {
    status: 405,
    title: 'The resource does not support this method',
    advice: 'The Allow header lists the methods it supports.',
  },
  'request-in-flight': {
    status: 409,
    title: 'A request with the same key is still being processed',
    advice: 'Retry the same request after the time in Retry-After.',
  },
  'invalid-state': {
    status: 409,
    title: 'The state of the payment does not allow this',
    advice: 'Read the payment to see its state. A payment can be canceled only before its processing begins.',
  },
  'payment-not-refundable': {
    status: 409,
    title: 'The payment cannot be refunded',
    advice:
      'Only a payment that is SUCCESS can be refunded. Cancel one that has not started, void one that is authorized, and wait for one that is in progress.',
  },
  'payment-not-capturable': {
    status: 409,
    title: 'The payment cannot be captured',
    advice:
      'Only an authorized payment can be captured: once, and before its authorization expires. Read the payment to see its state.',
  },
  'payment-not-voidable': {
    status: 409,
    title: 'The payment cannot be voided',
    advice:
      'Only an authorized payment can be voided. Cancel one that has not started, and refund one that was captured.',
  },
  'payment-in-review': {
    status: 409,
    title: 'The payment is in review',
    advice: 'An operator decides it first. Retry later; the idempotency key can be used again.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    advice: 'Limit the body to 16 kB, and that of a batch to 256 kB.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The media type is not supported',
    advice: 'Send "Content-Type: application/json", in UTF-8 and without a Content-Encoding.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key belongs to a different request',
    advice: 'Nothing was written. Use a new key for a new payment, or the same content for a retry.',
  },
  'batch-refused': {
    status: 422,
    title: 'A line of the batch is refused',
    advice:
      'Nothing of the batch was stored, because its mode is "all". Correct the lines of "results" that name another problem and send the batch again: every key can be used again.',
  },
  'payment-method-required': {
    status: 422,
    title: 'The gateway needs a payment method',
    advice:
      'Nothing was written. Send the gateway’s token as "payment_method", such as "pm_…": a text, or an object with a token for the gateway in use.',
  },
  'action-not-taken': {
    status: 422,
    title: 'The gateway of the payment takes no result of an action',
    advice:
      'Nothing was sent. Most gateways learn by themselves what the customer did: read the payment until it ends.',
  },
  'action-result-refused': {
    status: 422,
    title: 'The gateway does not know this result for this payment',
    advice:
      'Nothing was recorded. Send what came back with the customer of this payment unchanged, under the names that the gateway uses. A result can expire.',
  },
  'account-mode-mismatch': {
    status: 422,
    title: 'No gateway fits the mode of this account',
    advice:
      'Nothing was written. The account is marked test or live, and every gateway that the payment may go to is of the other mode. Use a key of another account, or ask the operator of this API.',
  },
  'schedule-invalid': {
    status: 422,
    title: 'The times of the payment cannot be met',
    advice:
      'Nothing was written. "execute_at" is at most a year ahead; "expires_at" is in the future and later than "execute_at". Correct the time, or leave it out.',
  },
  'refund-exceeds': {
    status: 422,
    title: 'The refund is higher than what is left to refund',
    advice:
      '"available" is what can still be refunded, in minor units: what was captured, less the refunds that have not failed. The idempotency key can be used again.',
  },
  'capture-exceeds': {
    status: 422,
    title: 'The capture is higher than the authorization',
    advice: '"available" is what was authorized, in minor units. The idempotency key can be used again.',
  },
  'webhook-endpoint-not-found': {
    status: 404,
    title: 'No such webhook endpoint',
    advice: 'Check the id. Deleted endpoints cannot be restored.',
  },
  'webhook-event-not-found': {
    status: 404,
    title: 'No such event',
    advice: 'Check the id. Events without a subscriber are not kept, and old ones are deleted.',
  },
  'webhook-delivery-not-found': {
    status: 404,
    title: 'No such delivery',
    advice: 'Check the id. Old deliveries are deleted.',
  },
  'webhook-endpoint-disabled': {
    status: 409,
    title: 'The webhook endpoint is disabled',
    advice: 'Enable it with PATCH {"enabled": true} first.',
  },
  'webhook-endpoint-limit': {
    status: 409,
    title: 'Too many webhook endpoints',
    advice: 'Delete an unused endpoint: every event is sent to every endpoint.',
  },
  'webhook-secret-rotating': {
    status: 409,
    title: 'The secret was rotated recently',
    advice:
      'Requests are still signed with the previous secret as well. Wait for the time in Retry-After, or send {"force": true} to retire it now.',
  },
  'webhooks-off': {
    status: 501,
    title: 'Outgoing webhooks are not set up here',
    advice: 'The operator of this API must set WEBHOOK_ENCRYPTION_KEY for it and for the workers.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    advice: 'Retry after the time in Retry-After. Retrying with the same idempotency key is safe.',
  },
  'internal-error': {
    status: 500,
    title: 'Internal error',
    advice: 'The outcome is unknown. Retrying with the same idempotency key is safe.',
  },
  unavailable: {
    status: 503,
    title: 'The service is temporarily unavailable',
    advice: 'Retry after the time in Retry-After. Retrying with the same idempotency key is safe.',
  },
} satisfies Record<string, { readonly status: number; readonly title: string; readonly advice: string }>

/** The stable code of one kind of problem. */
export type ProblemCode = keyof typeof PROBLEMS
