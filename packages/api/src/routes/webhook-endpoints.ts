import type { Audited } from '@titan/dashboard'
import type { WebhookStore } from '@titan/webhooks'
import type { Context, Hono } from 'hono'
import type { GenericSchema } from 'valibot'
import { answerPage } from '../http/response.ts'
import { readBody } from '../http/body.ts'
import { includesScope } from '../keys/api-key.ts'
import type { AppEnv } from '../middleware/frame.ts'
import { Problem } from '../problem.ts'
import { validateQuery } from '../http/validate.ts'
import { presentAttempt, presentDelivery, presentEndpoint, presentEvent } from '../webhooks/present.ts'
import * as schemas from '../schemas/webhooks.ts'

type WebhookLists = Pick<WebhookStore, 'deliveryPage' | 'listEndpoints' | 'listEvents'>

/** What the routes use besides the store. */
interface WebhookMeans {
  /** @default changes are not recorded */
  readonly audited?: Audited | undefined
  /** Reads lists. @default the store */
  readonly lists?: WebhookLists | undefined
}

const PATHS = [
  '/webhook-endpoints',
  '/webhook-endpoints/*',
  '/webhook-events',
  '/webhook-events/*',
  '/webhook-deliveries/*',
]

/**
 * What people and programs do with outgoing webhooks: `/webhook-endpoints`, `/webhook-events`, `/webhook-deliveries`.
 * Without a store each of them is answered `webhooks-off`; events are noted all the same.
 */
export function mountWebhooks(
  app: Hono<AppEnv>,
  store: WebhookStore | undefined,
  { audited = withoutRecord, lists = store }: WebhookMeans = {},
): void {
  if (store === undefined || lists === undefined) {
    const refuse = (): never => {
      throw new Problem('webhooks-off')
    }
    for (const path of PATHS) app.all(path, refuse)
    return
  }
  mountEndpoints(app, store, { audited, lists })
  mountEvents(app, store, lists)
  mountDeliveries(app, store)
}

const withoutRecord: Audited = (_act, perform) => perform()

/** Changes an endpoint with a row in the audit record, which names the key of the caller. */
async function change<Result>(
  audited: Audited,
  context: Context<AppEnv>,
  act: { readonly action: string; readonly target: string },
  perform: () => Promise<Result>,
  summarise: (result: Result) => string,
): Promise<Result> {
  const key = context.get('apiKey')
  const actor =
    key === undefined
      ? { operator: '(no API key)', credential: 'none', isProven: false }
      : { operator: key.name, credential: `API key ${key.id}`, isProven: true }
  let result: { readonly value: Result } | undefined
  await audited({ ...actor, ...act, note: '' }, async () => {
    const value = await perform()
    result = { value }
    return summarise(value)
  })
  if (result === undefined) throw new Error('The change was not performed')
  return result.value
}

function mountEndpoints(
  app: Hono<AppEnv>,
  store: WebhookStore,
  { audited, lists }: { readonly audited: Audited; readonly lists: WebhookLists },
): void {
  app.post('/webhook-endpoints', async (context) => {
    const {
      url,
      description,
      event_types: eventTypes,
      secret,
    } = await readBody(context, schemas.createEndpointBody)
    const wanted = {
      url,
      ...(description === undefined ? {} : { description }),
      ...(eventTypes === undefined ? {} : { eventTypes }),
      ...(secret === undefined ? {} : { secret }),
    }
    const created = await change(
      audited,
      context,
      { action: 'webhook-endpoint.create', target: originOf(url) },
      () => store.createEndpoint(wanted),
      ({ endpoint }) => `created ${endpoint.id}`,
    )
    context.header('location', `/webhook-endpoints/${created.endpoint.id}`)
    context.header('cache-control', 'no-store')
    return context.json({ ...presentEndpoint(created.endpoint, true), secret: created.secret }, 201)
  })

  app.get('/webhook-endpoints', async (context) => {
    const query = validateQuery(schemas.endpointsQuery, new URL(context.req.url).searchParams)
    return answerList(context, query, await lists.listEndpoints(pageOf(query)), (endpoint) =>
      presentEndpoint(endpoint, seesUrls(context)),
    )
  })

  app.get('/webhook-endpoints/:id', async (context) => {
    const endpoint = await store.getEndpoint(context.req.param('id'))
    if (endpoint === undefined) throw new Problem('webhook-endpoint-not-found')
    return context.json(presentEndpoint(endpoint, seesUrls(context)))
  })

  app.patch('/webhook-endpoints/:id', async (context) => {
    const { enabled, event_types: eventTypes, ...rest } = await readBody(context, schemas.updateEndpointBody)
    const id = context.req.param('id')
    const wanted = {
      ...rest,
      ...(eventTypes === undefined ? {} : { eventTypes }),
      ...(enabled === undefined ? {} : { isEnabled: enabled }),
    }
    const changed = await change(
      audited,
      context,
      { action: 'webhook-endpoint.update', target: id },
      () => store.updateEndpoint(id, wanted),
      ({ url }) => `changed: ${Object.keys(wanted).join(', ')}; sends to ${originOf(url)}`,
    )
    return context.json(presentEndpoint(changed, true))
  })

  app.delete('/webhook-endpoints/:id', async (context) => {
    const id = context.req.param('id')
    await change(
      audited,
      context,
      { action: 'webhook-endpoint.delete', target: id },
      () => store.deleteEndpoint(id),
      () => 'deleted',
    )
    return context.body(null, 204)
  })

  app.post('/webhook-endpoints/:id/rotate-secret', async (context) => {
    const body = await readOptionalBody(context, schemas.rotateSecretBody)
    const { secret, force, overlap_seconds: overlapSeconds } = body
    const id = context.req.param('id')
    const wanted = {
      ...(secret === undefined ? {} : { secret }),
      ...(force === undefined ? {} : { isForced: force }),
      ...(overlapSeconds === undefined ? {} : { overlapMs: overlapSeconds * 1_000 }),
    }
    const rotated = await change(
      audited,
      context,
      { action: 'webhook-endpoint.rotate-secret', target: id },
      () => store.rotateSecret(id, wanted),
      () => 'rotated',
    )
    context.header('cache-control', 'no-store')
    return context.json({
      secret: rotated.secret,
      old_secret_until: rotated.oldSecretUntil?.toISOString() ?? null,
    })
  })

  app.post('/webhook-endpoints/:id/test', async (context) => {
    const delivery = await store.sendTestEvent(context.req.param('id'))
    context.header('location', `/webhook-deliveries/${delivery.id}`)
    return context.json(presentDelivery(delivery), 202)
  })

  app.get('/webhook-endpoints/:id/deliveries', async (context) => {
    const id = context.req.param('id')
    const query = validateQuery(schemas.deliveriesQuery, new URL(context.req.url).searchParams)
    if ((await store.getEndpoint(id)) === undefined) throw new Problem('webhook-endpoint-not-found')
    const { limit, cursor: after, status } = query
    const { deliveries, next = null } = await lists.deliveryPage(id, {
      limit,
      ...(after === undefined ? {} : { after }),
      ...(status === undefined ? {} : { status }),
    })
    return answerPage(context, deliveries.map(presentDelivery), next)
  })

  app.post('/webhook-endpoints/:id/redeliver', async (context) => {
    const range = await readOptionalBody(context, schemas.redeliverRangeBody)
    return context.json({ redelivered: await store.redeliverRange(context.req.param('id'), range) }, 202)
  })
}

function mountEvents(app: Hono<AppEnv>, store: WebhookStore, lists: WebhookLists): void {
  app.get('/webhook-events', async (context) => {
    const query = validateQuery(schemas.eventsQuery, new URL(context.req.url).searchParams)
    const { payment_id: paymentId } = query
    const filter = { ...pageOf(query), ...(paymentId === undefined ? {} : { paymentId }) }
    return answerList(context, query, await lists.listEvents(filter), presentEvent)
  })

  app.get('/webhook-events/:id', async (context) => {
    const event = await store.getEvent(context.req.param('id'))
    if (event === undefined) throw new Problem('webhook-event-not-found')
    return context.json(presentEvent(event))
  })

  app.get('/webhook-events/:id/deliveries', async (context) => {
    const id = context.req.param('id')
    if ((await store.getEvent(id)) === undefined) throw new Problem('webhook-event-not-found')
    return context.json({ data: (await store.deliveriesOfEvent(id)).map(presentDelivery) })
  })

  app.post('/webhook-events/:id/redeliver', async (context) => {
    const { endpoint_id: endpointId } = await readOptionalBody(context, schemas.redeliverEventBody)
    const eventId = context.req.param('id')
    const count = await store.redeliver(endpointId === undefined ? { eventId } : { eventId, endpointId })
    return context.json({ redelivered: count }, 202)
  })
}

function mountDeliveries(app: Hono<AppEnv>, store: WebhookStore): void {
  app.get('/webhook-deliveries/:id', async (context) => {
    const id = context.req.param('id')
    const delivery = await store.getDelivery(id)
    if (delivery === undefined) throw new Problem('webhook-delivery-not-found')
    const attempts = await store.attemptsOf(id)
    return context.json({ ...presentDelivery(delivery), history: attempts.map(presentAttempt) })
  })

  app.post('/webhook-deliveries/:id/redeliver', async (context) => {
    const deliveryId = context.req.param('id')
    return context.json({ redelivered: await store.redeliver({ deliveryId }) }, 202)
  })
}

/** An address without its path and query, which may hold a token. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : '(not a URL)'
}

/** Without API keys everything is shown. */
function seesUrls(context: Context<AppEnv>): boolean {
  const key = context.get('apiKey')
  return key === undefined || includesScope(key.scope, 'admin')
}

async function readOptionalBody<Output>(
  context: Context,
  schema: GenericSchema<unknown, Output>,
): Promise<Output | Record<string, never>> {
  return hasBody(context) ? readBody(context, schema) : {}
}

/** Whether the client sent a body at all. */
function hasBody(context: Context): boolean {
  const length = context.req.header('content-length')
  return length === undefined ? context.req.header('transfer-encoding') !== undefined : length !== '0'
}

/** One more than asked for tells whether there is a next page. */
function pageOf({ limit, cursor }: schemas.ListQuery): { readonly limit: number; readonly after?: string } {
  return { limit: limit + 1, ...(cursor === undefined ? {} : { after: cursor }) }
}

function answerList<Item extends { readonly id: string }>(
  context: Context<AppEnv>,
  { limit }: schemas.ListQuery,
  found: readonly Item[],
  present: (item: Item) => object,
): Response {
  const page = found.slice(0, limit)
  const next = found.length > limit ? (page.at(-1)?.id ?? null) : null
  return answerPage(context, page.map(present), next)
}
