import type Stripe from 'stripe'
import type { CardRow } from '../model/cards.ts'
import type { CustomerRow } from '../model/customer.ts'
import type { ChargeRow, IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import { chargeOf } from './charge.ts'
import { customerOf } from './customer.ts'
import { paymentIntentOf } from './payment-intent.ts'
import { paymentMethodOf } from './payment-method.ts'
import { refundOf } from './refund.ts'

/** The objects that others may name. */
export interface Rows {
  intentOf(id: string): IntentRow | undefined
  refundsOf(intentId: string): readonly RefundRow[]
  cardOf(id: string): CardRow | undefined
  customerOf(id: string): CustomerRow | undefined
}

/** What each object can show in place of an id, by the depth that the adapter and its users need. */
export const EXPANDABLE = {
  payment_intent: ['latest_charge', 'latest_charge.refunds', 'payment_method', 'customer'],
  charge: ['refunds', 'payment_intent', 'customer'],
  refund: ['charge', 'payment_intent', 'payment_intent.latest_charge'],
} as const

/** Writes an intent with the objects that `expand` names in place of their ids. */
export function expandIntent(
  intent: IntentRow,
  rows: Rows,
  expand: readonly string[] = [],
): Stripe.PaymentIntent {
  const written = paymentIntentOf(intent)
  const { charge, card, customer } = intent
  if (charge !== null && expand.some((path) => path.split('.')[0] === 'latest_charge'))
    written.latest_charge = expandCharge(intent, charge, rows, innerOf(expand, 'latest_charge'))
  if (card !== null && expand.includes('payment_method')) written.payment_method = paymentMethodOf(card)
  const known = customer === null ? undefined : rows.customerOf(customer)
  if (known !== undefined && expand.includes('customer')) written.customer = customerOf(known)
  return written
}

/** Writes a charge with the objects that `expand` names. */
export function expandCharge(
  intent: IntentRow,
  charge: ChargeRow,
  rows: Rows,
  expand: readonly string[] = [],
): Stripe.Charge {
  const written = chargeOf(intent, charge)
  if (expand.includes('refunds')) {
    const data = rows.refundsOf(intent.id).toReversed().map(refundOf)
    written.refunds = { object: 'list', data, has_more: false, url: `/v1/charges/${charge.id}/refunds` }
  }
  if (expand.includes('payment_intent')) written.payment_intent = paymentIntentOf(intent)
  return written
}

/** Writes a refund with the objects that `expand` names. */
export function expandRefund(refund: RefundRow, rows: Rows, expand: readonly string[] = []): Stripe.Refund {
  const written = refundOf(refund)
  const intent = rows.intentOf(refund.intentId)
  if (intent?.charge == null) return written
  if (expand.includes('charge')) written.charge = chargeOf(intent, intent.charge)
  if (expand.some((path) => path.split('.')[0] === 'payment_intent'))
    written.payment_intent = expandIntent(intent, rows, innerOf(expand, 'payment_intent'))
  return written
}

function innerOf(expand: readonly string[], member: string): string[] {
  return expand.filter((path) => path.startsWith(`${member}.`)).map((path) => path.slice(member.length + 1))
}
