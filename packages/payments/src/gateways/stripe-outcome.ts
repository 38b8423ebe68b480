import { isError, propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { declineKindOf } from '../domain/declines.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { ChargeOutcome } from './gateway.ts'
import { fromStripeAmount } from './stripe-amount.ts'
import type { StripeCall } from './stripe-http.ts'

/** Reads the outcome of a payment intent. */
type IntentReading = (intent: Stripe.PaymentIntent) => ChargeOutcome

/** The readings by status of the intent. An unknown status proves nothing. */
const BY_INTENT_STATUS: Readonly<Record<string, IntentReading>> = {
  succeeded({ id, amount_received: received, currency: code }) {
    const currency = code.toUpperCase()
    if (!Number.isSafeInteger(received)) return { type: 'UNKNOWN', reason: 'the answer names no amount' }
    return { type: 'SUCCEEDED', gatewayRef: id, amount: fromStripeAmount(received, currency), currency }
  },
  processing: ({ id }) => ({ type: 'PENDING', gatewayRef: id }),
  requires_payment_method: ({ id, last_payment_error: error }) =>
    // Without an error, no charge was attempted yet.
    error === null
      ? { type: 'UNKNOWN', reason: 'the payment intent waits for a payment method' }
      : declined([error.decline_code, error.code], error.advice_code, id),
  canceled: ({ id, cancellation_reason: reason }) =>
    declined([`canceled_${reason ?? 'by_gateway'}`], undefined, id),
}

/** Returns what a payment intent proves about its charge. */
export function outcomeOfIntent(intent: Stripe.PaymentIntent): ChargeOutcome {
  const read = Object.hasOwn(BY_INTENT_STATUS, intent.status) ? BY_INTENT_STATUS[intent.status] : undefined
  if (read === undefined)
    return { type: 'UNKNOWN', reason: `the payment intent is in status ${String(intent.status)}` }
  return read(intent)
}

/**
 * Statuses that Stripe returns before its idempotency layer, so the request was not processed. They prove nothing about
 * earlier requests under the key.
 */
const REFUSED_AT_THE_DOOR = new Map<number, 'config' | 'throttled'>([
  [401, 'config'],
  [403, 'config'],
  [429, 'throttled'],
])

/**
 * Statuses with which Stripe refuses a request as it stands, when it says so with the type `invalid_request_error`.
 * Not 409: a conflict is with another request, which may be one of ours and charge.
 */
const REFUSED_AS_INVALID: ReadonlySet<number> = new Set([400, 404])

/** Parameters that differ between payments. The others are the same for all, so a fault in them is ours. */
const PARAMETERS_OF_PAYMENT: ReadonlySet<string> = new Set(['amount', 'currency'])

/** Codes about the amount that name no parameter. */
const CODES_OF_PAYMENT: ReadonlySet<string> = new Set([
  'amount_too_large',
  'amount_too_small',
  'charge_exceeds_source_limit',
  'charge_exceeds_transaction_limit',
  'invalid_charge_amount',
])

/** A limit or a lock that stopped the request before Stripe judged it, whatever the status. */
const NOT_JUDGED: ReadonlySet<string> = new Set(['lock_timeout', 'rate_limit'])

/** Returns what an error of the SDK proves about the charge; when in doubt, `UNKNOWN`. */
export function outcomeOfError(error: unknown, call: StripeCall): ChargeOutcome {
  if (!isStripeError(error)) return { type: 'UNKNOWN', reason: reasonOf(error) }
  const { statusCode } = error
  if (statusCode === undefined) return outcomeOfSilence(error, call)
  if (statusCode === 402) return outcomeOfCardError(error)
  if (isRefusedAsInvalid(error, statusCode)) return outcomeOfInvalidRequest(error, statusCode)
  const fault = REFUSED_AT_THE_DOOR.get(statusCode)
  // A lock timeout happens while the request is processed.
  if (fault === undefined || error.code === 'lock_timeout')
    return { type: 'UNKNOWN', reason: `${statusCode} ${error.code ?? error.rawType ?? ''}: ${error.message}` }
  return { type: 'NOT_SENT', fault, reason: `${statusCode}: ${error.message}`, ...retryAfterOf(error) }
}

/**
 * Stripe returns a 4xx of this type before it confirms anything. An `idempotency_error` is about the key, so another
 * request may have charged; an error that carries an intent or a charge comes from further in; and a request that Stripe
 * suggests to repeat has not been judged.
 */
function isRefusedAsInvalid(error: Stripe.errors.StripeError, statusCode: number): boolean {
  return (
    REFUSED_AS_INVALID.has(statusCode) &&
    error.rawType === 'invalid_request_error' &&
    !NOT_JUDGED.has(error.code ?? '') &&
    error.payment_intent === undefined &&
    error.charge === undefined &&
    error.headers?.['stripe-should-retry'] !== 'true'
  )
}

function outcomeOfInvalidRequest(error: Stripe.errors.StripeError, statusCode: number): ChargeOutcome {
  const { message, param = '' } = error
  // The SDK replaces a missing code by an empty text.
  const code = error.code === undefined || error.code === '' ? 'invalid_request' : error.code
  const isOfPayment = PARAMETERS_OF_PAYMENT.has(param) || CODES_OF_PAYMENT.has(code)
  return {
    type: 'REJECTED',
    code,
    reason: `${statusCode} ${code}${param === '' ? '' : ` (${param})`}: ${message}`,
    fault: isOfPayment ? 'payment' : 'config',
    // Stripe stores the response of an endpoint that began to work, and marks each repeat of it.
    isReplay: error.headers?.['idempotent-replayed'] === 'true',
  }
}

/** Returns the text of the error behind the SDK's; the SDK's own text only says that there was no answer. */
export function reasonOfError(error: unknown): string {
  return reasonOf(isStripeError(error) && isError(error.detail) ? error.detail : error)
}

/** No answer, or none that can be read. */
function outcomeOfSilence(error: Stripe.errors.StripeError, call: StripeCall): ChargeOutcome {
  const reason = reasonOfError(error)
  return call.mayHaveLeft ? { type: 'UNKNOWN', reason } : { type: 'NOT_SENT', fault: 'network', reason }
}

function outcomeOfCardError(error: Stripe.errors.StripeError): ChargeOutcome {
  const { rawType, payment_intent: intent, message } = error
  const isOpen = intent?.status === 'succeeded' || intent?.status === 'processing'
  if (rawType !== 'card_error' || isOpen)
    return { type: 'UNKNOWN', reason: `402 ${rawType ?? ''}: ${message}` }
  return declined([error.decline_code, error.code], error.advice_code, intent?.id)
}

/** Uses the first code that is not empty, because the SDK replaces a missing code by an empty text. */
function declined(
  codes: readonly (string | undefined)[],
  advice: string | undefined,
  gatewayRef: string | undefined,
): ChargeOutcome {
  const code = codes.find((candidate) => candidate !== undefined && candidate !== '') ?? 'generic_decline'
  return {
    type: 'DECLINED',
    code,
    kind: advice === 'do_not_try_again' ? 'hard' : declineKindOf(code),
    ...(gatewayRef !== undefined && { gatewayRef }),
  }
}

function retryAfterOf(error: Stripe.errors.StripeError): { readonly retryAfterMs?: number } {
  const seconds = Number(error.headers?.['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}
}

/** Recognises errors of the SDK without loading their class. */
function isStripeError(error: unknown): error is Stripe.errors.StripeError {
  const type = isError(error) ? propertyOf(error, 'type') : undefined
  return typeof type === 'string' && type.startsWith('Stripe')
}
