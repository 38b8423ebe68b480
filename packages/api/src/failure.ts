import { isDatabaseOutage } from '@titan/service'
import { chainOf, codeOf, isInstance } from '@titan/queue-core/text-of'
import { WebhooksError, type WebhooksErrorCode } from '@titan/webhooks'
import { HTTPException } from 'hono/http-exception'
import { Problem, RETRY_SOON, unavailable } from './problem.ts'
import type { ProblemCode } from './problems.ts'

/** Another transaction holds the row for longer than we wait. */
const LOCK_NOT_AVAILABLE = '55P03'

/** The problem that an error thrown in a handler means for the client. Anything unforeseen is an `internal-error`. */
export function problemOf(error: unknown): Problem {
  if (isInstance(error, Problem)) return error
  if (isInstance(error, WebhooksError)) return problemOfWebhooks(error)
  const code = deepestCodeOf(error)
  if (code === LOCK_NOT_AVAILABLE)
    return new Problem('request-in-flight', { headers: RETRY_SOON, cause: error })
  if (isDatabaseOutage(error)) return unavailable(undefined, error)
  if (isInstance(error, HTTPException) && error.status < 500)
    return new Problem('bad-request', { cause: error })
  return new Problem('internal-error', { cause: error })
}

const WEBHOOKS_CODES: Readonly<Record<WebhooksErrorCode, ProblemCode>> = {
  DELIVERY_NOT_FOUND: 'webhook-delivery-not-found',
  ENDPOINT_DISABLED: 'webhook-endpoint-disabled',
  ENDPOINT_LIMIT: 'webhook-endpoint-limit',
  ENDPOINT_NOT_FOUND: 'webhook-endpoint-not-found',
  EVENT_NOT_FOUND: 'webhook-event-not-found',
  INVALID_ENDPOINT: 'validation-failed',
  ROTATION_OVERLAP: 'webhook-secret-rotating',
  SECRET_UNREADABLE: 'internal-error',
}

function problemOfWebhooks(error: WebhooksError): Problem {
  const { code, field, message, retryAfterMs } = error
  const seconds = retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1_000))
  return new Problem(WEBHOOKS_CODES[code], {
    errors: field === undefined ? undefined : [{ pointer: `/${field}`, detail: message }],
    headers: seconds === undefined ? undefined : { 'retry-after': String(seconds) },
    cause: error,
  })
}

/** The code of an error, or of the first of its causes that has one from below our own code. */
function deepestCodeOf(error: unknown): string {
  const codes = chainOf(error).map(codeOf)
  return codes.findLast((code) => code !== '') ?? ''
}
