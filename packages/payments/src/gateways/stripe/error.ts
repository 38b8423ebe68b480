import { isError, propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { reasonOf } from '../../domain/evidence.ts'
import type { ChargeOutcome, ChargeRequest, MovementRequest } from '../gateway.ts'
import { privateTextsOf } from '../redaction.ts'
import type { StripeCall } from './http.ts'
import { declinedFor, unknown } from './outcome.ts'
import { redact } from './redaction.ts'

/** What a request was about: it decides whose fault a refusal is, and what its text must not repeat. */
interface Subject {
  readonly call: StripeCall
  /** Whether the request itself names a payment method or a charge, so that a fault in that ends one payment only. */
  readonly isSpecific: boolean
  /** Whether the objects in an error existed before the request, and say nothing about it. */
  readonly isAboutCharge: boolean
  readonly privateTexts: readonly string[]
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
const PARAMETERS_OF_PAYMENT: ReadonlySet<string> = new Set([
  'amount',
  'amount_to_capture',
  'capture_method',
  'currency',
  'customer',
  'description',
  'metadata',
  'return_url',
  'statement_descriptor_suffix',
])

/** Codes about the amount that name no parameter. */
const CODES_OF_PAYMENT: ReadonlySet<string> = new Set([
  'amount_too_large',
  'amount_too_small',
  'charge_exceeds_source_limit',
  'charge_exceeds_transaction_limit',
  'invalid_charge_amount',
])

/** Codes about our account, its key, its balance or our request, which an operator can mend. */
const CODES_OF_ACCOUNT =
  /^(?:account|api_key|capability|livemode|parameter|platform|secret_key|storer|testmode|tls|url)_|^(?:balance_insufficient|insufficient_funds|not_allowed_on_standard_account|resource_missing)$/

/** A limit or a lock that stopped the request before Stripe judged it, whatever the status. */
const NOT_JUDGED: ReadonlySet<string> = new Set(['lock_timeout', 'rate_limit'])

/** Returns what an error of the SDK proves about a charge; when in doubt, `UNKNOWN`. */
export function outcomeOfChargeError(
  error: unknown,
  call: StripeCall,
  request: ChargeRequest,
): ChargeOutcome {
  const isSpecific = request.paymentMethod !== undefined
  const privateTexts = privateTextsOf(request)
  return outcomeOfError(error, { call, isSpecific, isAboutCharge: false, privateTexts })
}

/** Returns what an error of the SDK proves about a capture, void or refund; when in doubt, `UNKNOWN`. */
export function outcomeOfMovementError(
  error: unknown,
  call: StripeCall,
  { reason }: MovementRequest,
): ChargeOutcome {
  const privateTexts = reason === undefined ? [] : [reason]
  return outcomeOfError(error, { call, isSpecific: true, isAboutCharge: true, privateTexts })
}

function outcomeOfError(error: unknown, subject: Subject): ChargeOutcome {
  const { call, privateTexts } = subject
  if (!isStripeError(error)) return unknown(redact(reasonOf(error), privateTexts))
  const { statusCode } = error
  if (statusCode === undefined) {
    // No answer, or none that can be read.
    const reason = redact(reasonOfError(error), privateTexts)
    return call.mayHaveLeft ? unknown(reason) : { type: 'NOT_SENT', fault: 'network', reason }
  }
  const message = redact(error.message, privateTexts)
  if (statusCode === 402) return outcomeOfCardError(error, message)
  if (isRefusedAsInvalid(error, subject)) return rejectionOf(error, message, subject)
  const fault = REFUSED_AT_THE_DOOR.get(statusCode)
  // A lock timeout happens while the request is processed.
  if (fault === undefined || error.code === 'lock_timeout')
    return unknown(`${statusCode} ${error.code ?? error.rawType ?? ''}: ${message}`)
  return { type: 'NOT_SENT', fault, reason: `${statusCode}: ${message}`, retryAfterMs: retryAfterOf(error) }
}

/**
 * Stripe returns a 4xx of this type before it moves anything. An `idempotency_error` is about the key, so another request
 * may have moved it; an error of a charge that carries an intent or a charge comes from further in; and a request that
 * Stripe suggests to repeat has not been judged.
 */
function isRefusedAsInvalid(error: Stripe.errors.StripeError, { isAboutCharge }: Subject): boolean {
  const isFromFurtherIn = error.payment_intent !== undefined || error.charge !== undefined
  return (
    REFUSED_AS_INVALID.has(error.statusCode ?? 0) &&
    error.rawType === 'invalid_request_error' &&
    !NOT_JUDGED.has(error.code ?? '') &&
    (isAboutCharge || !isFromFurtherIn) &&
    error.headers?.['stripe-should-retry'] !== 'true'
  )
}

function rejectionOf(error: Stripe.errors.StripeError, message: string, subject: Subject): ChargeOutcome {
  const { statusCode } = error
  const param = redact(error.param, subject.privateTexts)
  // The SDK replaces a missing code by an empty text.
  const code = redact(error.code) || 'invalid_request'
  return {
    type: 'REJECTED',
    code,
    reason: `${statusCode} ${code}${param === '' ? '' : ` (${param})`}: ${message}`,
    fault: isOfPayment(statusCode, { code, param }, subject) ? 'payment' : 'config',
    // Stripe stores the response of an endpoint that began to work, and marks each repeat of it.
    isReplay: error.headers?.['idempotent-replayed'] === 'true',
  }
}

/** Whether the refusal is about this payment or movement, and not about our account or our program. */
function isOfPayment(
  statusCode: number | undefined,
  { code, param }: { readonly code: string; readonly param: string },
  { isSpecific, isAboutCharge }: Subject,
): boolean {
  const [name = ''] = param.split('[')
  if (PARAMETERS_OF_PAYMENT.has(name) || CODES_OF_PAYMENT.has(code)) return true
  if (!isSpecific) return false
  if (name === 'payment_method' && !isAboutCharge) return true
  // Without a parameter, the refusal is about the payment method or the charge that the request names.
  return statusCode === 400 && !CODES_OF_ACCOUNT.test(code) && (isAboutCharge || name === '')
}

/** Returns the text of the error behind the SDK's; the SDK's own text only says that there was no answer. */
export function reasonOfError(error: unknown): string {
  return redact(reasonOf(isStripeError(error) && isError(error.detail) ? error.detail : error))
}

function outcomeOfCardError(error: Stripe.errors.StripeError, message: string): ChargeOutcome {
  const { rawType, payment_intent: intent } = error
  const isOpen = intent?.status === 'succeeded' || intent?.status === 'processing'
  if (rawType !== 'card_error' || isOpen) return unknown(`402 ${rawType ?? ''}: ${message}`)
  return declinedFor(error, intent?.id)
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
