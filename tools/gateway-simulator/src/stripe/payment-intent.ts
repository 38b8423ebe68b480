import type Stripe from 'stripe'
import { digestOf } from '../model/ids.ts'
import type { IntentRow, PaymentError } from '../model/intent.ts'
import { declineFactsOf } from './declines.ts'
import { docUrlOf } from './errors.ts'
import { paymentMethodOf } from './payment-method.ts'
import { secondsOf } from './seconds.ts'

/** Returns the secret with which a browser may act on the intent. */
export function clientSecretOf(intentId: string): string {
  return `${intentId}_secret_${digestOf(`${intentId} secret`, 25)}`
}

/** Writes a payment intent as Stripe does. */
export function paymentIntentOf(row: IntentRow): Stripe.PaymentIntent {
  return {
    id: row.id,
    object: 'payment_intent',
    allowed_payment_method_types: row.allowedTypes === null ? null : [...row.allowedTypes],
    amount: row.amount,
    amount_capturable: row.amountCapturable,
    amount_details: { tip: {} },
    amount_received: row.amountReceived,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: automaticOf(row),
    canceled_at: row.canceledAt === null ? null : secondsOf(row.canceledAt),
    cancellation_reason: row.cancellationReason,
    capture_method: row.captureMethod,
    client_secret: clientSecretOf(row.id),
    confirmation_method: row.confirmationMethod,
    created: secondsOf(row.created),
    currency: row.currency,
    customer: row.customer,
    customer_account: null,
    description: row.description,
    excluded_payment_method_types: null,
    last_payment_error: row.error === null ? null : paymentErrorOf(row.error),
    latest_charge: row.charge?.id ?? null,
    livemode: false,
    managed_payments: null,
    metadata: row.metadata,
    next_action: nextActionOf(row),
    on_behalf_of: null,
    payment_method: row.card?.id ?? null,
    payment_method_configuration_details: null,
    payment_method_options: CARD_OPTIONS,
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: row.receiptEmail,
    review: null,
    setup_future_usage: row.setupFutureUsage,
    shipping: null,
    source: null,
    statement_descriptor: row.statementDescriptor,
    statement_descriptor_suffix: row.statementDescriptorSuffix,
    status: row.status,
    transfer_data: null,
    transfer_group: null,
  }
}

const CARD_OPTIONS: Stripe.PaymentIntent.PaymentMethodOptions = {
  card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
}

/** Stripe chooses the types itself unless the client names them. */
function automaticOf({ allowedTypes, allowRedirects }: IntentRow) {
  if (allowedTypes !== null) return null
  return { allow_redirects: allowRedirects ?? 'always', enabled: true }
}

/** Writes why a payment failed, as it stays on the intent. */
export function paymentErrorOf(error: PaymentError) {
  const { type, code, declineCode, message, charge, card } = error
  const { advice, networkCode } = declineFactsOf(declineCode ?? code)
  const written: Stripe.PaymentIntent.LastPaymentError = {
    ...(advice !== undefined && { advice_code: advice }),
    ...(charge !== null && { charge }),
    code,
    ...(declineCode !== null && { decline_code: declineCode }),
    doc_url: docUrlOf(code),
    message,
    ...(networkCode !== undefined && { network_decline_code: networkCode }),
    payment_method: paymentMethodOf(card),
    type,
  }
  return written
}

function nextActionOf({ status, action }: IntentRow): Stripe.PaymentIntent.NextAction | null {
  if (status !== 'requires_action' || action === null) return null
  const { url, returnUrl } = action
  if (url === null) return { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect' } }
  return { redirect_to_url: { return_url: returnUrl, url }, type: 'redirect_to_url' }
}
