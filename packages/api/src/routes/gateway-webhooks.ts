import {
  applyOutcome,
  type ApplyOutcomeOptions,
  type GatewayWebhookReader,
  type RetryPolicy,
} from '@titan/payments'
import type { Log } from '@titan/program'
import type { Hono } from 'hono'
import type { AppEnv } from '../middleware.ts'
import { limitBody } from '../body.ts'
import { Problem } from '../problem.ts'

/** Gateways send whole objects; none of ours is nearly as large. */
const MAX_BODY_BYTES = 256 * 1024

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
  const limit = limitBody(MAX_BODY_BYTES, 'A webhook of a gateway has at most 256 kB.')

  app.post('/gateway-webhooks/:gateway', limit, async (context) => {
    const reader = gateways.find(({ gateway }) => gateway === context.req.param('gateway'))
    if (reader === undefined) throw new Problem('not-found')
    // The signature is over the bytes that came.
    const body = new Uint8Array(await context.req.arrayBuffer())
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
