import { createStripeGateway, type Gateway } from '@titan/payments'

/** The stripe gateway, as a module of an adapter. */
export default function createStripe(environment: Readonly<Record<string, string | undefined>>): Gateway {
  return createStripeGateway({
    secretKey: environment['STRIPE_SECRET_KEY'] ?? '',
    baseUrl: environment['STRIPE_API_BASE'],
    webhookSecret: environment['STRIPE_WEBHOOK_SECRET'],
    connectTimeoutMs: 10_000,
  })
}
