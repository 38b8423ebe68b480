import type Stripe from 'stripe'
import type { NextAction } from '../../domain/details.ts'
import { declineKindOf } from '../../domain/declines.ts'
import type { ChargeOutcome } from '../gateway.ts'
import { fromStripeAmount } from './amount.ts'
import type { Known } from './client.ts'
import { CUSTOMER_PRESENT } from './parameters.ts'

/** What each status of an intent proves. A status that the SDK gains breaks the type check until it is here. */
export type ByStatus = Readonly<
  Record<Known<Stripe.PaymentIntent.Status>, (intent: Stripe.PaymentIntent) => ChargeOutcome>
>

const CHARGE: ByStatus = {
  succeeded: ({ id, amount_received, currency }) => succeeded(id, amount_received, currency),
  processing: ({ id }) => ({ type: 'PENDING', gatewayRef: id }),
  requires_payment_method: ({ id, last_payment_error: error }) =>
    // Without an error, no charge was attempted yet.
    error === null ? unknown('the payment intent waits for a payment method') : declinedFor(error, id),
  requires_action: actionOf,
  requires_capture: authorizationOf,
  requires_confirmation: unsettled,
  canceled: (intent) => cancellationOf(intent, intent.id),
}

/** Returns what a payment intent proves about its charge. */
export function outcomeOfIntent(intent: Stripe.PaymentIntent): ChargeOutcome {
  return outcomeBy(CHARGE, intent)
}

/** Returns what the status of an intent proves; an unknown status proves nothing. */
export function outcomeBy(statuses: ByStatus, intent: Stripe.PaymentIntent): ChargeOutcome {
  const known = Object.entries(statuses).find(([status]) => status === intent.status)
  return (known?.[1] ?? unsettled)(intent)
}

export function unknown(reason: string): ChargeOutcome {
  return { type: 'UNKNOWN', reason }
}

/** A status that proves nothing. */
export function unsettled({ status }: Stripe.PaymentIntent): ChargeOutcome {
  return unknown(`the payment intent is in status ${String(status)}`)
}

/** A success of what Stripe says it moved. */
export function succeeded(gatewayRef: string, amount: number, stripeCurrency: string): ChargeOutcome {
  const currency = stripeCurrency.toUpperCase()
  if (!Number.isSafeInteger(amount)) return unknown('the answer names no amount')
  return { type: 'SUCCEEDED', gatewayRef, amount: fromStripeAmount(amount, currency), currency }
}

/** Takes what can be captured as the amount, because that is what a capture gets. */
function authorizationOf(intent: Stripe.PaymentIntent): ChargeOutcome {
  const { id: gatewayRef, amount_capturable: amount, latest_charge: charge } = intent
  const currency = intent.currency.toUpperCase()
  if (!Number.isSafeInteger(amount)) return unknown('the answer names no amount')
  const details = typeof charge === 'object' ? charge?.payment_method_details : undefined
  const expiresAt = dateOf(details?.card?.capture_before)
  return { type: 'AUTHORIZED', gatewayRef, amount: fromStripeAmount(amount, currency), currency, expiresAt }
}

function dateOf(seconds: number | undefined): Date | null {
  const date = new Date((seconds ?? NaN) * 1_000)
  return Number.isFinite(date.getTime()) ? date : null
}

function actionOf({ id, next_action, client_secret }: Stripe.PaymentIntent): ChargeOutcome {
  const nextAction = nextActionOf(next_action, client_secret)
  if (nextAction === undefined) return unknown('the payment intent does not say which action it requires')
  return { type: 'REQUIRES_ACTION', gatewayRef: id, nextAction, expiresAt: null }
}

/** Without an address to open, Stripe's browser library knows what to do with the secret. */
function nextActionOf(
  action: Stripe.PaymentIntent.NextAction | null,
  clientSecret: string | null,
): NextAction | undefined {
  const url = action?.redirect_to_url?.url
  if (typeof url === 'string' && url !== '') return { type: 'redirect', url }
  const isSecret = typeof clientSecret === 'string' && clientSecret !== ''
  return action && isSecret ? { type: 'sdk', clientSecret } : undefined
}

/** Whether a canceled intent had been authorized: its last charge did not fail. */
export function wasAuthorized(intent: Stripe.PaymentIntent): boolean {
  const { capture_method, latest_charge, last_payment_error } = intent
  return capture_method === 'manual' && isPresent(latest_charge) && !isPresent(last_payment_error)
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined
}

/** Whether each reason for a cancellation is the end of a wait, by Stripe or by our own `abandon`. */
const IS_EXPIRY: Readonly<Record<Known<Stripe.PaymentIntent.CancellationReason>, boolean>> = {
  abandoned: true,
  automatic: true,
  expired: true,
  duplicate: false,
  fraudulent: false,
  requested_by_customer: false,
  failed_invoice: false,
  void_invoice: false,
}

/** Whether an intent was canceled because its time was over, and not on request. */
export function hasExpired({ cancellation_reason: reason }: Stripe.PaymentIntent): boolean {
  return Object.entries(IS_EXPIRY).some(([known, isExpiry]) => isExpiry && known === reason)
}

/**
 * Whether the charge was declined and the customer's browser has the secret to try another card. The decline is final only
 * after the intent is canceled.
 */
export function mayBeConfirmedAgain({ status, last_payment_error, metadata }: Stripe.PaymentIntent): boolean {
  return (
    status === 'requires_payment_method' &&
    last_payment_error !== null &&
    metadata[CUSTOMER_PRESENT] === 'true'
  )
}

/** A canceled intent can never be charged or captured, and a further attempt is not wanted. */
export function cancellationOf(intent: Stripe.PaymentIntent, gatewayRef: string | undefined): ChargeOutcome {
  return { type: 'DECLINED', code: cancellationCodeOf(intent), kind: 'hard', gatewayRef }
}

function cancellationCodeOf(intent: Stripe.PaymentIntent): string {
  const { cancellation_reason: reason, last_payment_error: error } = intent
  if (hasExpired(intent) && wasAuthorized(intent)) return 'authorization_expired'
  // The decline that came before says more than the cancellation.
  if (error !== null && error !== undefined) return declineCodeOf(error)
  return reason === 'abandoned' ? 'authentication_expired' : `canceled_${reason ?? 'by_gateway'}`
}

/** The codes of a decline, in an intent or in an error. */
interface Decline {
  readonly decline_code?: string | undefined
  readonly code?: string | undefined
  readonly advice_code?: string | undefined
}

export function declinedFor(decline: Decline, gatewayRef: string | undefined): ChargeOutcome {
  const code = declineCodeOf(decline)
  const kind = decline.advice_code === 'do_not_try_again' ? 'hard' : declineKindOf(code)
  return { type: 'DECLINED', code, kind, gatewayRef }
}

/** Uses the first code, because the SDK replaces a missing one by an empty text. */
function declineCodeOf({ decline_code, code }: Decline): string {
  return [decline_code, code].find((one) => typeof one === 'string' && one !== '') ?? 'generic_decline'
}
