import {
  applyDispute,
  applyMovement,
  applyOutcome,
  type ApplyOutcomeOptions,
  type GatewayWebhookReader,
  type ReportedEvent,
  type RetryPolicy,
  type WebhookRefusal,
} from '@titan/payments'
import type { Log } from '@titan/service'
import { readBytes } from '../http/body.ts'
import { respondJson } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { Problem } from '../problem.ts'
import { pathParameter, routesOf, type Route } from './route.ts'

/** What the route for gateways works with. */
export interface GatewayWebhookServices {
  readonly payments: ApplyOutcomeOptions['store'] &
    Parameters<typeof applyMovement>[1] &
    Parameters<typeof applyDispute>[1]
  /** The workers' policy, so that a decline means the same in both. */
  readonly policy: RetryPolicy
  readonly gateways: readonly GatewayWebhookReader[]
  readonly log: Log
}

const REFUSALS: Readonly<Record<WebhookRefusal, string>> = {
  no_signature: 'The signature is missing or cannot be read.',
  bad_signature: 'The signature does not match the body and the secret of this API.',
  too_old: 'The signature is too old: compare the clocks.',
  thin_event: 'This is a thin event: set the endpoint to snapshot events.',
  not_an_event: 'The body is signed and is not an event.',
}

/** `POST /gateway-webhooks/{gateway}`: the signature of the gateway authenticates the request. */
export const GATEWAY_ROUTES: readonly Route<GatewayWebhookServices>[] = [
  routesOf<GatewayWebhookServices>('Gateways').post('/gateway-webhooks/{gateway}', {
    id: 'receiveGatewayWebhook',
    summary: 'Report the outcome of a charge',
    description:
      "For payment gateways only: the body is in the gateway's own form and signed in its own way. After any other response the gateway sends it again.",
    responses: [
      json(200, 'GatewayWebhookReceived', 'The outcome is stored, or was known already'),
      { status: 202, description: 'The same, for gateways that expect their own text' },
    ],
    problems: ['gateway-webhook-refused', 'not-found', 'body-too-large'],
    async handle(context, services) {
      const { gateways, log } = services
      const gateway = pathParameter(context, 'gateway')
      const reader = gateways.find((candidate) => candidate.gateway === gateway)
      if (reader === undefined) throw new Problem('not-found')
      // The signature covers the bytes as they came.
      const body = new Uint8Array(await readBytes(context))
      const { signatureHeader: header } = reader
      const webhook = await reader.parse(body, header === undefined ? undefined : context.req.header(header))
      if (webhook.type === 'REFUSED') {
        const { cause: code, reason } = webhook
        context.set('webhookRefusal', code)
        log.warn('gateway_webhook.refused', 'gateway webhook refused', { gateway, code, reason })
        throw new Problem('gateway-webhook-refused', { detail: REFUSALS[code] })
      }
      // After a failure the gateway sends all of them again: copies have the effect of one.
      for (const event of webhook.type === 'BATCH' ? webhook.items : [webhook])
        await apply(event, gateway, services)
      return reader.acknowledgement === undefined
        ? respondJson(context, { received: true })
        : new Response(reader.acknowledgement, { status: 202 })
    },
  }),
]

const EVENT_TYPES: ReadonlySet<string> = new Set<ReportedEvent['type']>([
  'EVENT',
  'MOVEMENT',
  'DISPUTE',
  'IGNORED',
])

async function apply(
  event: ReportedEvent,
  gateway: string,
  { payments: store, policy, log }: GatewayWebhookServices,
): Promise<void> {
  const actor = `webhook:${gateway}`
  // A module may return anything: what cannot be read is sent again.
  if (!EVENT_TYPES.has(event.type)) throw new Error(`the gateway ${gateway} read no event`)
  if (event.type === 'EVENT') {
    const { paymentId, attemptNo, outcome, isFinal } = event
    const report = { paymentId, attemptNo, outcome, isFinal, gateway, actor }
    const effect = await applyOutcome(report, { store, policy })
    const fields = { paymentId, attempt: attemptNo, status: effect }
    if (effect === 'contradiction')
      log.warn('gateway_webhook.contradicted', 'gateway webhook contradicts settled payment', fields)
    else log.info('gateway_webhook.applied', 'gateway webhook applied', fields)
  }
  if (event.type === 'MOVEMENT') {
    const effect = await applyMovement({ ...event, gateway, actor }, store, (movement, outcome) => {
      const { id: paymentId, attemptNo } = movement
      return applyOutcome({ paymentId, attemptNo, outcome, isFinal: true, gateway, actor }, { store, policy })
    })
    const fields = { gateway, code: event.kind, status: effect }
    log.info('gateway_webhook.movement_recorded', 'movement at the gateway recorded', fields)
  }
  if (event.type === 'DISPUTE') {
    const status = await applyDispute({ ...event, gateway, actor }, store)
    log.info('gateway_webhook.dispute_recorded', 'dispute at the gateway recorded', { gateway, status })
  }
}
