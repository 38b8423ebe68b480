import { isError, propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { declineKindOf } from '../domain/declines.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { ChargeOutcome } from './gateway.ts'
import { fromStripeAmount } from './stripe-amount.ts'
import type { StripeCall } from './stripe-http.ts'

/** How the outcome of a payment intent is read. */
type IntentReading = (intent: Stripe.PaymentIntent) => ChargeOutcome

/** What each status of a payment intent says. One that is not here says nothing. */
const BY_INTENT_STATUS: Readonly<Record<string, IntentReading>> = {
  succeeded({ id, amount_received: received, currency: code }) {
    const currency = code.toUpperCase()
    if (!Number.isSafeInteger(received)) return { type: 'UNKNOWN', reason: 'the answer names no amount' }
    return { type: 'SUCCEEDED', gatewayRef: id, amount: fromStripeAmount(received, currency), currency }
  },
  processing: ({ id }) => ({ type: 'PENDING', gatewayRef: id }),
  requires_payment_method: ({ id, last_payment_error: error }) =>
    // Without an error, nobody has tried yet.
    error === null
      ? { type: 'UNKNOWN', reason: 'the payment intent waits for a payment method' }
      : declined([error.decline_code, error.code], error.advice_code, id),
  canceled: ({ id, cancellation_reason: reason }) =>
    declined([`canceled_${reason ?? 'by_gateway'}`], undefined, id),
}

/** What a payment intent of ours says about its charge. */
export function outcomeOfIntent(intent: Stripe.PaymentIntent): ChargeOutcome {
  const read = Object.hasOwn(BY_INTENT_STATUS, intent.status) ? BY_INTENT_STATUS[intent.status] : undefined
  if (read === undefined)
    return { type: 'UNKNOWN', reason: `the payment intent is in status ${String(intent.status)}` }
  return read(intent)
}

type Fault = NonNullable<Extract<ChargeOutcome, { type: 'NOT_SENT' }>['fault']>

/**
 * Answers that come from before the idempotency layer, so the request was not processed. They say so about this
 * request only: whoever repeats one has to go on as if nothing was known.
 */
const REFUSED_AT_THE_DOOR: Readonly<Record<number, Fault>> = {
  401: 'config',
  403: 'config',
  429: 'throttled',
}

/**
 * Statuses with which Stripe refuses a request as it stands, when it says so with the type `invalid_request_error`.
 * Not 409: a conflict is with another request, which may be one of ours and charge.
 */
const REFUSED_AS_INVALID: ReadonlySet<number> = new Set([400, 404])

/** What differs between two payments. Everything else in a request is the same for all, so a fault in it is ours. */
const PARAMETERS_OF_PAYMENT: ReadonlySet<string> = new Set(['amount', 'currency'])

/** Codes about the amount that name no parameter. */
const CODES_OF_PAYMENT: ReadonlySet<string> = new Set([
  'amount_too_large',
  'amount_too_small',
  'charge_exceeds_source_limit',
  'charge_exceeds_transaction_limit',
  'invalid_charge_amount',
])

/** A limit or a lock that has stopped the request, whatever the status: nobody has judged it. */
const NOT_JUDGED: ReadonlySet<string> = new Set(['lock_timeout', 'rate_limit'])

/** What an error of the SDK says about the charge. In doubt nothing. */
export function outcomeOfError(error: unknown, call: StripeCall): ChargeOutcome {
  if (!isStripeError(error)) return { type: 'UNKNOWN', reason: reasonOf(error) }
  const { statusCode } = error
  if (statusCode === undefined) return outcomeOfSilence(error, call)
  if (statusCode === 402) return outcomeOfCardError(error)
  if (isRefusedAsInvalid(error, statusCode)) return outcomeOfInvalidRequest(error, statusCode)
  const fault = REFUSED_AT_THE_DOOR[statusCode]
  // A lock that was not to be had in time is met while the request is carried out.
  if (fault === undefined || error.code === 'lock_timeout')
    return { type: 'UNKNOWN', reason: `${statusCode} ${error.code ?? error.rawType ?? ''}: ${error.message}` }
  return { type: 'NOT_SENT', fault, reason: `${statusCode}: ${error.message}`, ...retryAfterOf(error) }
}

/**
 * Stripe answers a 4xx of this type before it confirms anything. An `idempotency_error` is about the key, so another
 * request may have charged; an error that carries an intent or a charge comes from further in; and what Stripe would
 * send again has not been judged.
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
  // The SDK makes an empty text of a code that is missing.
  const code = error.code === undefined || error.code === '' ? 'invalid_request' : error.code
  const isOfPayment = PARAMETERS_OF_PAYMENT.has(param) || CODES_OF_PAYMENT.has(code)
  return {
    type: 'REJECTED',
    code,
    reason: `${statusCode} ${code}${param === '' ? '' : ` (${param})`}: ${message}`,
    fault: isOfPayment ? 'payment' : 'config',
    // Stripe stores what an endpoint has answered once it began to work, and marks each repeat of it.
    isReplay: error.headers?.['idempotent-replayed'] === 'true',
  }
}

/** What went wrong, in the words of whoever saw it: the SDK's own say only that there was no answer. */
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

/** The first code that is one counts: the SDK makes an empty text of a code that is missing. */
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

/** The SDK throws errors of this kind only, but its class is loaded with it. */
function isStripeError(error: unknown): error is Stripe.errors.StripeError {
  const type = isError(error) ? propertyOf(error, 'type') : undefined
  return typeof type === 'string' && type.startsWith('Stripe')
}
