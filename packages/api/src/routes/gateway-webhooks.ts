import {
  applyOutcome,
  type ApplyOutcomeOptions,
  type GatewayWebhookReader,
  type RetryPolicy,
  type WebhookRefusal,
} from '@titan/payments'
import type { Log } from '@titan/service'
import type { Hono } from 'hono'
import type { AppEnv } from '../middleware/frame.ts'
import { readBytes } from '../http/body.ts'
import { Problem } from '../problem.ts'

const REFUSALS: Readonly<Record<WebhookRefusal, string>> = {
  no_signature: 'The signature is missing or cannot be read.',
  bad_signature: 'The signature does not match the body and the secret of this API.',
  too_old: 'The signature is too old: compare the clocks.',
  thin_event: 'This is a thin event: set the endpoint to snapshot events.',
  not_an_event: 'The body is signed and is not an event.',
}

/** What the routes for gateways work with. */
export interface GatewayWebhookDependencies {
  readonly payments: ApplyOutcomeOptions['store']
  /** The workers' own, so that a decline means the same whoever hears of it. */
  readonly policy: RetryPolicy
  readonly gateways: readonly GatewayWebhookReader[]
  readonly log: Log
}

/**
 * `POST /gateway-webhooks/{gateway}`: what a gateway says of a charge without being asked. Its signature is what
 * authenticates it. 200 means that the outcome is stored or says nothing new; after anything else the gateway sends it again.
 */
export function mountGatewayWebhooks(app: Hono<AppEnv>, dependencies: GatewayWebhookDependencies): void {
  const { payments, policy, gateways, log } = dependencies
  app.post('/gateway-webhooks/:gateway', async (context) => {
    const reader = gateways.find(({ gateway }) => gateway === context.req.param('gateway'))
    if (reader === undefined) throw new Problem('not-found')
    // The signature is over the bytes that came.
    const body = new Uint8Array(await readBytes(context))
    const webhook = reader.parse(body, context.req.header(reader.signatureHeader))
    if (webhook.type === 'REFUSED') {
      context.set('webhookRefusal', webhook.cause)
      log.warn('gateway_webhook.refused', 'gateway webhook refused', {
        gateway: reader.gateway,
        code: webhook.cause,
        reason: webhook.reason,
      })
      throw new Problem('gateway-webhook-refused', { detail: REFUSALS[webhook.cause] })
    }
    if (webhook.type === 'EVENT') {
      const { paymentId, attemptNo, outcome } = webhook
      const report = { paymentId, attemptNo, outcome, gateway: reader.gateway }
      const effect = await applyOutcome(
        { ...report, actor: `webhook:${reader.gateway}` },
        { store: payments, policy },
      )
      const fields = { paymentId, attempt: attemptNo, status: effect }
      if (effect === 'contradiction')
        log.warn('gateway_webhook.contradicted', 'gateway webhook contradicts settled payment', fields)
      else log.info('gateway_webhook.applied', 'gateway webhook applied', fields)
    }
    return context.json({ received: true })
  })
}
