import {
  applyOutcome,
  type ApplyOutcomeOptions,
  type GatewayWebhookReader,
  type RetryPolicy,
} from '@titan/payments'
import type { Log } from '@titan/program'
import type { Hono } from 'hono'
import type { AppEnv } from '../middleware.ts'
import { readBytes } from '../body.ts'
import { Problem } from '../problem.ts'

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
      log.warn('a webhook with a bad signature was refused', { reason: reader.gateway })
      throw new Problem('gateway-webhook-refused')
    }
    if (webhook.type === 'EVENT') {
      const { paymentId, attemptNo, outcome } = webhook
      const report = { paymentId, attemptNo, outcome, gateway: reader.gateway }
      const effect = await applyOutcome(
        { ...report, actor: `webhook:${reader.gateway}` },
        { store: payments, policy },
      )
      log[effect === 'contradiction' ? 'warn' : 'info']('a gateway told what became of a charge', {
        paymentId,
        attempt: attemptNo,
        status: effect,
      })
    }
    return context.json({ received: true })
  })
}
