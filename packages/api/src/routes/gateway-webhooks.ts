import {
  applyDispute,
  applyMovement,
  applyOutcome,
  mayReport,
  type ApplyOutcomeOptions,
  type GatewayWebhook,
  type GatewayWebhookReader,
  type ReportedEvent,
  type RetryPolicy,
  type WebhookRefusal,
} from '@titan/payments'
import type { Log } from '@titan/service'
import type { Context } from 'hono'
import { readBytes } from '../http/body.ts'
import type { AppEnv } from '../http/env.ts'
import { respondJson } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { Problem } from '../problem.ts'
import { pathParameter, routesOf, type Route } from './route.ts'

/** What the route for gateways works with. */
export interface GatewayWebhookServices {
  readonly payments: ApplyOutcomeOptions['store'] &
    Parameters<typeof applyMovement>[1] &
    Parameters<typeof applyDispute>[1] &
    Parameters<typeof mayReport>[2]
  /** The workers' policy, so that a decline means the same in both. */
  readonly policy: RetryPolicy
  readonly gateways: readonly GatewayWebhookReader[]
  /** Returns the readers of an account's own credentials. @default accounts have none */
  readonly readersOf?: ((gateway: string, account: string) => readonly GatewayWebhookReader[]) | undefined
  readonly log: Log
}

const REFUSALS: Readonly<Record<WebhookRefusal, string>> = {
  no_signature: 'The signature is missing or cannot be read.',
  bad_signature: 'The signature does not match the body and the secret of this API.',
  too_old: 'The signature is too old: compare the clocks.',
  thin_event: 'This is a thin event: set the endpoint to snapshot events.',
  not_an_event: 'The body is signed and is not an event.',
}

const on = routesOf<GatewayWebhookServices>('Gateways')
const RESPONSES = [
  json(200, 'GatewayWebhookReceived', 'The outcome is stored, or was known already'),
  { status: 202, description: 'The same, for gateways that expect their own text' },
]

/** The signature of the gateway authenticates these requests. */
export const GATEWAY_ROUTES: readonly Route<GatewayWebhookServices>[] = [
  on.post('/gateway-webhooks/{gateway}', {
    id: 'receiveGatewayWebhook',
    summary: 'Report the outcome of a charge',
    description:
      "For payment gateways only: the body is in the gateway's own form and signed in its own way. After any other response the gateway sends it again.",
    responses: RESPONSES,
    problems: ['gateway-webhook-refused', 'not-found', 'body-too-large'],
    async handle(context, services) {
      const gateway = pathParameter(context, 'gateway')
      const reader = services.gateways.find((candidate) => candidate.gateway === gateway)
      if (reader === undefined) throw new Problem('not-found')
      const { taken, refused } = await read(context, [reader])
      if (taken.length > 0) return receive(context, taken, services)
      throw new Problem(
        'gateway-webhook-refused',
        refused && { detail: noteRefusal(context, refused, services) },
      )
    },
  }),
  on.post('/gateway-webhooks/{gateway}/{account}', {
    id: 'receiveAccountGatewayWebhook',
    summary: 'Report the outcome of a charge under the credentials of an account',
    description:
      'The same, signed with the webhook secret of the account. An unknown account is refused like a wrong signature.',
    responses: RESPONSES,
    problems: ['gateway-webhook-refused', 'body-too-large'],
    async handle(context, services) {
      const name = pathParameter(context, 'gateway')
      const readers = services.readersOf?.(name, pathParameter(context, 'account')) ?? []
      const { taken, refused } = await read(context, readers)
      if (taken.length > 0) return receive(context, taken, services)
      if (refused !== undefined) noteRefusal(context, refused, services)
      throw new Problem('gateway-webhook-refused')
    },
  }),
]

type Refused = Extract<GatewayWebhook, { readonly type: 'REFUSED' }>

/** What a reader made of a webhook. */
interface Taken {
  readonly reader: GatewayWebhookReader
  readonly events: readonly ReportedEvent[]
}

interface Read {
  /** By those that took it: more than one while the first ignore some of it. */
  readonly taken: readonly Taken[]
  /** The last refusal. */
  readonly refused: { readonly gateway: string; readonly webhook: Refused } | undefined
}

/**
 * Reads a webhook with readers until one takes it and ignores nothing: places may share a secret, and each ignores what is of
 * another account at the gateway.
 */
async function read(context: Context<AppEnv>, readers: readonly GatewayWebhookReader[]): Promise<Read> {
  // The signature covers the bytes as they came.
  const body = new Uint8Array(await readBytes(context))
  const taken: Taken[] = []
  let refused: Read['refused']
  for (const reader of readers) {
    const { gateway, signatureHeader: header } = reader
    const webhook = await reader.parse(body, header === undefined ? undefined : context.req.header(header))
    if (webhook.type === 'REFUSED') {
      refused = { gateway, webhook }
      continue
    }
    const events = webhook.type === 'BATCH' ? webhook.items : [webhook]
    taken.push({ reader, events })
    if (events.every(({ type }) => type !== 'IGNORED')) break
  }
  return { taken, refused }
}

/** Returns what the gateway may know of it. */
function noteRefusal(
  context: Context<AppEnv>,
  { gateway, webhook: { cause: code, reason } }: NonNullable<Read['refused']>,
  { log }: GatewayWebhookServices,
): string {
  context.set('webhookRefusal', code)
  log.warn('gateway_webhook.refused', 'gateway webhook refused', { gateway, code, reason })
  return REFUSALS[code]
}

/** Applies what was read. After a failure the gateway sends all of it again: copies have the effect of one. */
async function receive(
  context: Context<AppEnv>,
  taken: readonly Taken[],
  services: GatewayWebhookServices,
): Promise<Response> {
  const readings = taken.flatMap(({ reader: { gateway }, events }) =>
    events.map((event, index) => ({ gateway, event, index })),
  )
  for (const [index, unread] of readings.slice(0, taken[0]?.events.length).entries()) {
    const known = readings.find((one) => one.index === index && one.event.type !== 'IGNORED')
    const { event, gateway } = known ?? unread
    await apply(event, gateway, services)
  }
  const acknowledgement = taken[0]?.reader.acknowledgement
  return acknowledgement === undefined
    ? respondJson(context, { received: true })
    : new Response(acknowledgement, { status: 202 })
}

type Ignored = Extract<ReportedEvent, { readonly type: 'IGNORED' }>

/** Kinds of events that were ignored, each logged once; more than this would be made up. */
const MAX_IGNORED = 200
const ignored = new Set<string>()

function noteIgnored({ eventType: code, reason }: Ignored, gateway: string, log: Log): void {
  const kind = JSON.stringify([gateway, code, reason])
  if (ignored.has(kind) || ignored.size >= MAX_IGNORED) return
  ignored.add(kind)
  log.info('gateway_webhook.ignored', 'gateway webhook ignored', { gateway, code, reason })
}

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
  if (!EVENT_TYPES.has(event.type))
    throw new Error(`parseWebhook of the gateway ${gateway} returned no known event`)
  if (event.type === 'IGNORED') return noteIgnored(event, gateway, log)
  if (!(await mayReport(event, gateway, store))) {
    const fields = { gateway, code: event.eventType }
    log.warn('gateway_webhook.foreign', 'gateway webhook names attempt elsewhere', fields)
    return
  }
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
