import type Stripe from 'stripe'
import { testCardOf, type CardRow } from '../model/cards.ts'
import { secondsOf } from './seconds.ts'

const NO_ADDRESS: Stripe.Address = {
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
}

/** Billing details that nobody filled in. */
export const NO_BILLING_DETAILS: Stripe.PaymentMethod.BillingDetails & Stripe.Charge.BillingDetails = {
  address: NO_ADDRESS,
  email: null,
  name: null,
  phone: null,
  tax_id: null,
}

/** Writes a payment method as Stripe does. */
export function paymentMethodOf({ id, token, customer, created }: CardRow): Stripe.PaymentMethod {
  return {
    id,
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: NO_BILLING_DETAILS,
    card: cardOf(token),
    created: secondsOf(created),
    customer,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  }
}

function cardOf(token: string): Stripe.PaymentMethod.Card {
  const { brand, last4, country = 'US' } = testCardOf(token)
  return {
    brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country,
    display_brand: brand,
    exp_month: 12,
    exp_year: 2034,
    fingerprint: `Fp${last4}`,
    funding: 'credit',
    generated_from: null,
    last4,
    networks: { available: [brand], preferred: null },
    regulated_status: 'unregulated',
    three_d_secure_usage: { supported: true },
    wallet: null,
  }
}
