import { isError, propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { declineKindOf } from '../domain/declines.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { ChargeOutcome } from './gateway.ts'
import { fromStripeAmount } from './stripe-amount.ts'
import type { StripeCall } from './stripe-http.ts'

/** Returns what a payment intent proves about its charge; an unknown status proves nothing. */
export function outcomeOfIntent(intent: Stripe.PaymentIntent): ChargeOutcome {
  const { id, last_payment_error: error } = intent
  switch (intent.status) {
    case 'succeeded': {
      const { amount_received: received } = intent
      const currency = intent.currency.toUpperCase()
      if (!Number.isSafeInteger(received)) return unknown('the answer names no amount')
      return { type: 'SUCCEEDED', gatewayRef: id, amount: fromStripeAmount(received, currency), currency }
    }
    case 'processing':
      return { type: 'PENDING', gatewayRef: id }
    case 'requires_payment_method':
      // Without an error, no charge was attempted yet.
      if (error === null) return unknown('the payment intent waits for a payment method')
      return declined([error.decline_code, error.code], error.advice_code, id)
    case 'canceled':
      return declined([`canceled_${intent.cancellation_reason ?? 'by_gateway'}`], undefined, id)
    case 'requires_action':
    case 'requires_capture':
    case 'requires_confirmation':
    default:
      return unknown(`the payment intent is in status ${String(intent.status)}`)
  }
}

function unknown(reason: string): ChargeOutcome {
  return { type: 'UNKNOWN', reason }
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
  if (!isStripeError(error)) return unknown(reasonOf(error))
  const { statusCode } = error
  if (statusCode === undefined) {
    // No answer, or none that can be read.
    const reason = reasonOfError(error)
    return call.mayHaveLeft ? unknown(reason) : { type: 'NOT_SENT', fault: 'network', reason }
  }
  if (statusCode === 402) return outcomeOfCardError(error)
  if (isRefusedAsInvalid(error, statusCode)) return outcomeOfInvalidRequest(error, statusCode)
  const fault = REFUSED_AT_THE_DOOR.get(statusCode)
  // A lock timeout happens while the request is processed.
  if (fault === undefined || error.code === 'lock_timeout')
    return unknown(`${statusCode} ${error.code ?? error.rawType ?? ''}: ${error.message}`)
  return {
    type: 'NOT_SENT',
    fault,
    reason: `${statusCode}: ${error.message}`,
    retryAfterMs: retryAfterOf(error),
  }
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

function outcomeOfCardError(error: Stripe.errors.StripeError): ChargeOutcome {
  const { rawType, payment_intent: intent, message } = error
  const isOpen = intent?.status === 'succeeded' || intent?.status === 'processing'
  if (rawType !== 'card_error' || isOpen) return unknown(`402 ${rawType ?? ''}: ${message}`)
  return declined([error.decline_code, error.code], error.advice_code, intent?.id)
}

/** Uses the first code that is not empty, because the SDK replaces a missing code by an empty text. */
function declined(
  codes: readonly (string | undefined)[],
  advice: string | undefined,
  gatewayRef: string | undefined,
): ChargeOutcome {
  const code = codes.find((candidate) => candidate !== undefined && candidate !== '') ?? 'generic_decline'
  const kind = advice === 'do_not_try_again' ? 'hard' : declineKindOf(code)
  return { type: 'DECLINED', code, kind, gatewayRef }
}

function retryAfterOf(error: Stripe.errors.StripeError): number | undefined {
  const seconds = Number(error.headers?.['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined
}

/** Recognises errors of the SDK without loading their class. */
function isStripeError(error: unknown): error is Stripe.errors.StripeError {
  const type = isError(error) ? propertyOf(error, 'type') : undefined
  return typeof type === 'string' && type.startsWith('Stripe')
}
