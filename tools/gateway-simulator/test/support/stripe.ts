import { Stripe } from 'stripe'
import type { GatewaySimulator } from '../../src/index.ts'

/** Stripe's own client, as users have it, against a simulator. */
export function stripeAt({ url }: Pick<GatewaySimulator, 'url'>, secretKey = 'sk_test_1'): Stripe {
  const { hostname: host, port } = new URL(url)
  return new Stripe(secretKey, { host, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false })
}

/** A payment of 10 USD that takes cards only and is confirmed at once. */
export function payment(
  given: Partial<Stripe.PaymentIntentCreateParams> = {},
): Stripe.PaymentIntentCreateParams {
  return {
    amount: 1000,
    currency: 'usd',
    confirm: true,
    payment_method: 'pm_card_visa',
    allowed_payment_method_types: ['card'],
    metadata: { payment_id: 'pay_1' },
    ...given,
  }
}

/** An authorization that waits for its capture. */
export function authorization(
  given: Partial<Stripe.PaymentIntentCreateParams> = {},
): Stripe.PaymentIntentCreateParams {
  return payment({ capture_method: 'manual', ...given })
}

/** Returns the id of an object, expanded or not. */
export function idOf(object: string | { readonly id: string } | null): string {
  return (typeof object === 'string' ? object : object?.id) ?? ''
}

/** What Stripe's client throws. */
export interface Refusal {
  readonly statusCode?: number
  readonly rawType?: string
  readonly code?: string
  readonly decline_code?: string
  readonly param?: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payment_intent?: Stripe.PaymentIntent
}

/** Returns what a refused call throws. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    return error as Refusal
  }
  throw new Error('the call was not refused')
}
