import { propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import type { StripeHttp } from './http.ts'

/** The SDK, and the HTTP client that its requests go through. */
export interface StripeClient {
  readonly stripe: Stripe
  readonly http: StripeHttp
}

/** The members of one of Stripe's open unions that its SDK names. */
export type Known<Union> = Union extends string ? (string extends Union ? never : Union) : never

/** Retrieves an intent with its charge, which says when an authorization ends; undefined when there is none. */
export async function retrieve(stripe: Stripe, id: string): Promise<Stripe.PaymentIntent | undefined> {
  const intent = await orMissing(stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] }))
  if (intent !== undefined && intent.id !== id) throw new Error('the answer is about another charge')
  return intent
}

/** Resolves with undefined when the API says that there is no such object. */
export async function orMissing<Value>(retrieved: Promise<Value>): Promise<Value | undefined> {
  try {
    return await retrieved
  } catch (error) {
    if (propertyOf(error, 'statusCode') === 404) return undefined
    throw error
  }
}

/** Whether an intent or a refund was made under a key of ours. */
export function isOf({ metadata }: Pick<Stripe.Refund, 'metadata'>, gatewayKey: string): boolean {
  return metadata?.['gateway_key'] === gatewayKey
}
