import type { ChargeOutcome } from '../gateway.ts'
import { withoutTexts } from '../redaction.ts'
import type { GatewayCall } from '../sender.ts'
import { AdyenError, faultOf } from './http.ts'
import { unknown } from './outcome.ts'

/** What a request was about: it decides whose fault a refusal is, and what its text must not repeat. */
interface Subject {
  readonly call: GatewayCall
  /** Whether the request itself names a payment method or a charge, so that a fault in that ends one payment only. */
  readonly isSpecific: boolean
  readonly privateTexts: readonly string[]
}

/** Statuses with which Adyen refuses a request before it is processed. They prove nothing about earlier ones under the key. */
const REFUSED_AT_THE_DOOR = new Map<number, 'config' | 'throttled'>([
  [401, 'config'],
  [403, 'config'],
  [429, 'throttled'],
])

/** A request under the key is being processed, or was: it may be one of ours that charges. */
const IN_PROGRESS = '704'
/** The store of keys is away, so nothing was processed. */
const KEYS_AWAY = '703'

/** Codes about our account, its rights or our program, which an operator can mend. Adyen's `configuration` errors are too. */
const CODES_OF_ACCOUNT: ReadonlySet<string> = new Set(['000', '010', '702', '901', '902'])

/** The account takes no such card or currency: other payments may be fine. */
const NOT_SUPPORTED = /^905(?:_|$)/

/** Returns what an error proves about a request; when in doubt, `UNKNOWN`. */
export function outcomeOfError(error: unknown, subject: Subject): ChargeOutcome {
  const { call, privateTexts } = subject
  const reason = withoutTexts(faultOf(error), privateTexts)
  if (!(error instanceof AdyenError))
    return call.mayHaveLeft ? unknown(reason) : { type: 'NOT_SENT', fault: 'network', reason }
  const { status, errorCode } = error
  const fault = REFUSED_AT_THE_DOOR.get(status)
  if (fault !== undefined) return { type: 'NOT_SENT', fault, reason, retryAfterMs: retryAfterOf(error) }
  if (errorCode === KEYS_AWAY && isTransient(error)) return { type: 'NOT_SENT', fault: 'throttled', reason }
  return isRefusal(error) ? rejectionOf(error, reason, subject) : unknown(reason)
}

function isTransient({ headers }: AdyenError): boolean {
  return headers['transient-error'] === 'true'
}

/** Whether Adyen judged the request and refused it. One that it says to repeat, or that another was faster than, it did not. */
function isRefusal(error: AdyenError): boolean {
  const { status, errorCode, errorType } = error
  if (isTransient(error) || errorCode === IN_PROGRESS) return false
  const isJudged = errorType === 'validation' || errorType === 'configuration'
  return isJudged && errorCode !== '' && (status === 400 || status === 404 || status === 422)
}

function rejectionOf(
  error: AdyenError,
  reason: string,
  { isSpecific, privateTexts }: Subject,
): ChargeOutcome {
  const { errorCode, errorType } = error
  const isOfAccount =
    (errorType === 'configuration' && !NOT_SUPPORTED.test(errorCode)) || CODES_OF_ACCOUNT.has(errorCode)
  return {
    type: 'REJECTED',
    code: `adyen_${withoutTexts(errorCode, privateTexts)
      .replaceAll(/[^\w-]/g, '')
      .slice(0, 40)}`,
    reason,
    fault: isOfAccount || (error.status === 404 && !isSpecific) ? 'config' : 'payment',
    // An answer from the store of keys looks like a first one.
    isReplay: false,
  }
}

function retryAfterOf({ headers }: AdyenError): number | undefined {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined
}
