import { randomBytes } from 'node:crypto'

/** A payment intent in Stripe's shape, as far as this project reads it. Money has moved when `amount_received` is not 0. */
export interface PaymentIntent {
  readonly id: string
  readonly object: 'payment_intent'
  readonly amount: number
  readonly amount_received: number
  readonly currency: string
  readonly status: 'succeeded' | 'processing' | 'requires_payment_method' | 'requires_confirmation'
  /** Unix seconds. */
  readonly created: number
  readonly livemode: false
  readonly description: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly payment_method: string | null
  readonly latest_charge: string | null
  readonly last_payment_error: {
    readonly type: 'card_error'
    readonly code: 'card_declined'
    readonly decline_code: string
    readonly message: string
  } | null
}

/** What a client asked for, once checked. */
export type IntentRequest = Pick<
  PaymentIntent,
  'amount' | 'currency' | 'description' | 'metadata' | 'payment_method'
> & { readonly confirm: boolean }

/** Creates an id with Stripe's kind of prefix. */
export function newId(prefix: 'pi' | 'ch' | 'evt' | 'req') {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

/** Creates an intent that nothing has happened to yet. */
export function createIntent(request: IntentRequest, now: number): PaymentIntent {
  const { amount, currency, description, metadata, payment_method } = request
  return {
    id: newId('pi'),
    object: 'payment_intent',
    amount,
    amount_received: 0,
    currency,
    status: 'requires_confirmation',
    created: Math.floor(now / 1000),
    livemode: false,
    description,
    metadata,
    payment_method,
    latest_charge: null,
    last_payment_error: null,
  }
}

/** Returns the intent after its money has moved. */
export function succeed(intent: PaymentIntent): PaymentIntent {
  return {
    ...intent,
    status: 'succeeded',
    amount_received: intent.amount,
    latest_charge: newId('ch'),
    last_payment_error: null,
  }
}

/** Returns the intent after the card was declined. */
export function decline(intent: PaymentIntent, code: string): PaymentIntent {
  return {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: {
      type: 'card_error',
      code: 'card_declined',
      decline_code: code,
      message: `Your card was declined (${code}).`,
    },
  }
}
