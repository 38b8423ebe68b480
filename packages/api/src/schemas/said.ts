import { PAYMENT_PRIORITIES, type Payment, type PaymentDetails } from '@titan/payments'
import * as v from 'valibot'
import { described, instant } from './parts.ts'

const texts = v.record(v.string(), v.string())
const token = v.union([v.string(), texts])

/** What a payment said of itself, as responses repeat it: a member that it did not say is left out. */
export const SAID_MEMBERS = {
  payment_method: v.optional(described(token, 'Token of the gateway, or a token for each gateway')),
  customer: v.optional(described(token, 'Customer at the gateway, in the same two forms')),
  reference: v.optional(v.string()),
  description: v.optional(v.string()),
  statement_descriptor: v.optional(v.string()),
  metadata: v.optional(texts),
  return_url: v.optional(v.string()),
  capture: v.optional(described(v.literal('manual'), 'Only authorized, until it is captured')),
  customer_present: v.optional(v.literal(true)),
  priority: v.optional(v.picklist(PAYMENT_PRIORITIES)),
  execute_at: v.optional(described(instant, 'Nothing is sent before')),
  expires_at: v.optional(described(instant, 'Nothing is sent from then on')),
  erased_at: v.optional(described(instant, 'When its personal members were erased')),
}

/** Presents what a payment said of itself. */
export function presentSaid({ details, capture, customerPresent, priority, executeAt, expiresAt }: Payment) {
  const times = { execute_at: executeAt?.toISOString(), expires_at: expiresAt?.toISOString() }
  const said = {
    capture: capture === 'manual' ? capture : undefined,
    customer_present: customerPresent ? (true as const) : undefined,
    priority: priority === 'default' ? undefined : priority,
    ...times,
  }
  return details === null ? said : { ...presentDetails(details), ...said }
}

function presentDetails(details: PaymentDetails) {
  return {
    payment_method: details.paymentMethod ?? undefined,
    customer: details.customer ?? undefined,
    reference: details.reference ?? undefined,
    description: details.description ?? undefined,
    statement_descriptor: details.statementDescriptor ?? undefined,
    metadata: details.metadata ?? undefined,
    return_url: details.returnUrl ?? undefined,
    erased_at: details.erasedAt?.toISOString(),
  }
}
