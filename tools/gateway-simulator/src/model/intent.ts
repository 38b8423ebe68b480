import type { CardRow } from './cards.ts'
import { chargeIdOf, newId } from './ids.ts'

/** Why a payment failed. */
export interface PaymentError {
  readonly type: 'card_error' | 'invalid_request_error'
  readonly code: string
  readonly declineCode: string | null
  readonly message: string
  readonly charge: string | null
  readonly card: CardRow
}

/** The charge of an intent. Money has moved when `amountCaptured` is not 0. */
export interface ChargeRow {
  readonly id: string
  /** Epoch milliseconds. */
  readonly created: number
  readonly amount: number
  readonly amountCaptured: number
  /** What went back, what was never captured included. */
  readonly amountRefunded: number
  readonly status: 'succeeded' | 'pending' | 'failed'
  /** End of an authorization, in epoch milliseconds; null when it was captured at once. */
  readonly captureBefore: number | null
  readonly isAuthenticated: boolean
  readonly card: CardRow
  readonly error: PaymentError | null
}

type Status =
  | 'succeeded'
  | 'processing'
  | 'requires_action'
  | 'requires_capture'
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'canceled'

/** What is remembered of a payment intent. It is small, because there is one for each payment of a long test. */
export interface IntentRow {
  readonly id: string
  /** The idempotency key of the request that made it. */
  readonly key: string | null
  /** Epoch milliseconds. */
  readonly created: number
  readonly amount: number
  readonly amountCapturable: number
  readonly amountReceived: number
  readonly currency: string
  readonly status: Status
  readonly captureMethod: string
  readonly confirmationMethod: string
  readonly customer: string | null
  readonly card: CardRow | null
  readonly description: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly receiptEmail: string | null
  readonly setupFutureUsage: string | null
  readonly statementDescriptor: string | null
  readonly statementDescriptorSuffix: string | null
  /** Types that the client allows; null when the account decides. */
  readonly allowedTypes: readonly string[] | null
  readonly allowRedirects: string | null
  readonly canceledAt: number | null
  readonly cancellationReason: string | null
  readonly error: PaymentError | null
  /** Where the customer goes, and comes back to; `url` is null when Stripe's own script has to ask. */
  readonly action: { readonly url: string | null; readonly returnUrl: string | null } | null
  readonly charge: ChargeRow | null
  /** The charges that were tried. */
  readonly attempts: number
  /** What a capture that is under way takes. */
  readonly capturing: number | null
}

/** What a client asked for, once checked. */
export type IntentRequest = Pick<
  IntentRow,
  | 'amount'
  | 'currency'
  | 'captureMethod'
  | 'confirmationMethod'
  | 'customer'
  | 'description'
  | 'metadata'
  | 'receiptEmail'
  | 'setupFutureUsage'
  | 'statementDescriptor'
  | 'statementDescriptorSuffix'
  | 'allowedTypes'
  | 'allowRedirects'
>

/** Creates an intent that nothing has happened to yet. */
export function createIntent(request: IntentRequest, key: string | null, now: number): IntentRow {
  return {
    ...request,
    id: newId('pi'),
    key,
    created: now,
    amountCapturable: 0,
    amountReceived: 0,
    status: 'requires_payment_method',
    card: null,
    canceledAt: null,
    cancellationReason: null,
    error: null,
    action: null,
    charge: null,
    attempts: 0,
    capturing: null,
  }
}

/** Returns the intent with a payment method that waits to be confirmed. */
export function withCard(intent: IntentRow, card: CardRow): IntentRow {
  return { ...intent, card, status: 'requires_confirmation' }
}

/** What differs between the charges of an intent. */
interface ChargeGiven {
  readonly card: CardRow
  readonly isAuthenticated: boolean
  readonly now: number
}

function newCharge(intent: IntentRow, { card, isAuthenticated, now }: ChargeGiven): ChargeRow {
  return {
    id: chargeIdOf(intent.id, intent.attempts + 1),
    created: now,
    amount: intent.amount,
    amountCaptured: 0,
    amountRefunded: 0,
    status: 'succeeded',
    captureBefore: null,
    isAuthenticated,
    card,
    error: null,
  }
}

/** Returns the intent after its money has moved. */
export function succeed(intent: IntentRow, given: ChargeGiven): IntentRow {
  const charge = { ...newCharge(intent, given), amountCaptured: intent.amount }
  return {
    ...intent,
    ...ended(charge, intent),
    status: 'succeeded',
    amountReceived: intent.amount,
    card: given.card,
  }
}

/** Returns the intent after its money was set aside until `captureBefore`. */
export function authorize(intent: IntentRow, given: ChargeGiven, captureBefore: number): IntentRow {
  const charge = { ...newCharge(intent, given), captureBefore }
  return {
    ...intent,
    ...ended(charge, intent),
    status: 'requires_capture',
    amountCapturable: intent.amount,
    card: given.card,
  }
}

/** Returns the intent while the card's bank decides. */
export function process(intent: IntentRow, given: ChargeGiven): IntentRow {
  return { ...intent, error: null, action: null, status: 'processing', card: given.card }
}

/** Returns the intent while its customer has to act. */
export function askCustomer(
  intent: IntentRow,
  card: CardRow,
  action: NonNullable<IntentRow['action']>,
): IntentRow {
  return { ...intent, error: null, status: 'requires_action', card, action }
}

/** Returns the intent after the card was declined. */
export function decline(
  intent: IntentRow,
  given: ChargeGiven,
  error: Omit<PaymentError, 'charge' | 'card'>,
): IntentRow {
  const made = newCharge(intent, given)
  const failure = { ...error, charge: made.id, card: given.card }
  const charge = { ...made, status: 'failed' as const, error: failure }
  return { ...intent, ...ended(charge, intent), ...withoutCard(failure) }
}

/** Returns the intent after its customer failed to authenticate: no charge was tried. */
export function failAuthentication(intent: IntentRow, card: CardRow): IntentRow {
  const message =
    'The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new ' +
    'PaymentMethod to attempt to fulfill this PaymentIntent again.'
  const code = 'payment_intent_authentication_failure'
  const error = {
    type: 'invalid_request_error',
    code,
    declineCode: null,
    message,
    charge: null,
    card,
  } as const
  return { ...intent, action: null, ...withoutCard(error) }
}

/** Returns the intent after `amount` of what was set aside has moved. The rest goes back to the card. */
export function capture(intent: IntentRow, charge: ChargeRow, amount: number): IntentRow {
  const amountRefunded = charge.amount - amount
  return {
    ...intent,
    status: 'succeeded',
    amountCapturable: 0,
    amountReceived: amount,
    capturing: null,
    charge: { ...charge, amountCaptured: amount, amountRefunded },
  }
}

/** Returns the intent after it was ended. What was set aside goes back to the card. */
export function cancel(intent: IntentRow, reason: string | null, now: number): IntentRow {
  const { charge, status } = intent
  const isHeld = status === 'requires_capture' && charge !== null
  return {
    ...intent,
    status: 'canceled',
    amountCapturable: 0,
    canceledAt: now,
    cancellationReason: reason,
    action: null,
    capturing: null,
    charge: isHeld ? { ...charge, amountRefunded: charge.amount } : charge,
  }
}

/** Returns the intent after a part of its charge was refunded, or a refund failed. */
export function refund(intent: IntentRow, charge: ChargeRow, by: number): IntentRow {
  return { ...intent, charge: { ...charge, amountRefunded: charge.amountRefunded + by } }
}

function ended(charge: ChargeRow, { attempts }: IntentRow) {
  return { charge, attempts: attempts + 1, error: null, action: null }
}

function withoutCard(error: PaymentError) {
  return { status: 'requires_payment_method', card: null, error } as const
}
