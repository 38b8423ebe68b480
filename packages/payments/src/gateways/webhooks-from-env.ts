import * as v from 'valibot'
import type { Environment } from '../config.ts'
import type { Gateway } from './gateway.ts'
import { readGatewayEnvironment } from './environment.ts'
import { loadSdk } from './stripe-sdk.ts'
import { createStripeWebhookParser, stripeWebhookSecret } from './stripe-webhook.ts'

/** How the webhooks of one gateway are checked and read. Needs its signing secret, and no right to charge. */
export interface GatewayWebhookReader {
  /** The name that attempts at this gateway are stored with. */
  readonly gateway: string
  /** The header that holds the signature, in lower case. */
  readonly signatureHeader: string
  readonly parse: NonNullable<Gateway['parseWebhook']>
}

const SecretsSchema = v.object({ STRIPE_WEBHOOK_SECRET: v.optional(stripeWebhookSecret) })

/**
 * The gateways whose webhooks can be checked: those with a signing secret in the environment.
 *
 * @throws {PaymentsError} `INVALID_CONFIG`
 */
export function gatewayWebhooksFromEnv(environment: Environment): readonly GatewayWebhookReader[] {
  const { STRIPE_WEBHOOK_SECRET: secret } = readGatewayEnvironment(SecretsSchema, environment)
  if (secret === undefined) return []
  const parse = createStripeWebhookParser(loadSdk().webhooks, secret)
  return [{ gateway: 'stripe', signatureHeader: 'stripe-signature', parse }]
}
