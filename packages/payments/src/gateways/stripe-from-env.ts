import * as v from 'valibot'
import type { Environment } from '../config.ts'
import type { Gateway } from './gateway.ts'
import { readGatewayEnvironment, whole } from './environment.ts'
import { stripeWebhookSecret } from './stripe-webhook.ts'
import { createStripeGateway } from './stripe.ts'

const StripeSchema = v.pipe(
  v.object({
    STRIPE_SECRET_KEY: v.pipe(v.string(), v.trim(), v.regex(/^(sk|rk)_\w+$/, 'must begin with sk_ or rk_')),
    STRIPE_API_BASE: v.optional(
      v.pipe(v.string(), v.trim(), v.regex(/^https?:\/\/[^/]+\/?$/, 'must be a URL without a path')),
    ),
    STRIPE_WEBHOOK_SECRET: v.optional(stripeWebhookSecret),
    STRIPE_PAYMENT_METHOD: v.optional(
      v.pipe(v.string(), v.trim(), v.regex(/^\w+$/, 'must be the id of a payment method')),
    ),
    GATEWAY_TIMEOUT_MS: v.optional(whole),
  }),
  v.forward(
    v.check(
      ({ STRIPE_PAYMENT_METHOD: method, STRIPE_SECRET_KEY: key }) =>
        // A key that is none has its own issue.
        method !== undefined || !/^(sk|rk)_/.test(key) || /^(sk|rk)_test_/.test(key),
      'must be set unless the secret key is a test key',
    ),
    ['STRIPE_PAYMENT_METHOD'],
  ),
)

/** Stripe's test card that is charged without a question. */
const TEST_PAYMENT_METHOD = 'pm_card_visa'

/** The `stripe` gateway of the environment. @throws {PaymentsError} `INVALID_CONFIG` */
export function stripeFromEnv(environment: Environment): Gateway {
  const given = readGatewayEnvironment(StripeSchema, environment)
  return createStripeGateway({
    secretKey: given.STRIPE_SECRET_KEY,
    paymentMethod: given.STRIPE_PAYMENT_METHOD ?? TEST_PAYMENT_METHOD,
    ...(given.STRIPE_API_BASE !== undefined && { baseUrl: given.STRIPE_API_BASE }),
    ...(given.STRIPE_WEBHOOK_SECRET !== undefined && { webhookSecret: given.STRIPE_WEBHOOK_SECRET }),
    ...(given.GATEWAY_TIMEOUT_MS !== undefined && { timeoutMs: given.GATEWAY_TIMEOUT_MS }),
  })
}
