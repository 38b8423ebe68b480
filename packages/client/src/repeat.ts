import { TitanApiError, TitanConnectionError } from './errors.ts'

const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 8_000
/** A longer `Retry-After` is left to the caller. */
const MAX_RETRY_AFTER_MS = 60_000

/** Returns the time of a `Retry-After` header, in seconds or as a date, in milliseconds from now. */
export function retryAfterOf(headers: Headers, now: number = Date.now()): number | undefined {
  const text = headers.get('retry-after') ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Responses that decided nothing; every 5xx but 501 is one too. */
function isUndecided({ status, code }: TitanApiError): boolean {
  if (status >= 500) return status !== 501
  return status === 408 || code === 'request-in-flight'
}

/** What is known about a request. */
interface Sent {
  /** How often it was repeated. */
  readonly repeats: number
  /** Whether a second one changes nothing if the first one was carried out. */
  readonly isRepeatable: boolean
}

/**
 * Decides whether a request is sent again, and after how many milliseconds. Undefined: the error is final. A 4xx is, because
 * the API decided, except 408, 429 and 409 `request-in-flight`. What 429 refused was not carried out, so anything may be
 * sent again.
 */
export function delayBeforeRepeat(
  error: unknown,
  { repeats, isRepeatable }: Sent,
  random: () => number = Math.random,
): number | undefined {
  // Full jitter from the half on, because many clients begin to wait at the same moment.
  const backoffMs = Math.min(FIRST_DELAY_MS * 2 ** repeats, MAX_DELAY_MS) * (0.5 + random() / 2)
  if (error instanceof TitanApiError) {
    const { status, retryAfterMs = 0 } = error
    if (status !== 429 && !(isRepeatable && isUndecided(error))) return undefined
    return retryAfterMs > MAX_RETRY_AFTER_MS ? undefined : Math.max(retryAfterMs, backoffMs)
  }
  if (!(error instanceof TitanConnectionError) || !isRepeatable) return undefined
  const isFinal = error.code === 'REDIRECTED' || error.code === 'RESPONSE_TOO_LARGE'
  return isFinal ? undefined : backoffMs
}
