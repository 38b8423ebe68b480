import type Stripe from 'stripe'
import type { CustomerRow } from '../model/customer.ts'
import { digestOf } from '../model/ids.ts'
import { secondsOf } from './seconds.ts'

/** Writes a customer as Stripe does. */
export function customerOf({ id, created, metadata, ...row }: CustomerRow): Stripe.Customer {
  const { name, email, phone, description } = row
  return {
    id,
    object: 'customer',
    address: null,
    balance: 0,
    created: secondsOf(created),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description,
    discount: null,
    email,
    invoice_prefix: digestOf(id, 8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata,
    name,
    next_invoice_sequence: 1,
    phone,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  }
}
