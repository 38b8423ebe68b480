import { WEBHOOK_EVENT_TYPES } from '@titan/webhooks'
import * as v from 'valibot'
import { accountOf } from '../http/account.ts'
import { respondJson, respondPage } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { found } from '../problem.ts'
import { bodyOf, oneOf, queryOf } from '../schemas/parts.ts'
import { presentDelivery, presentEndpoint } from '../schemas/webhooks.ts'
import { pathParameter, routesOf, type Route } from './route.ts'
import {
  change,
  originOf,
  pageEntries,
  readPage,
  seesUrls,
  webhooksOf,
  type WebhookServices,
} from './webhook-services.ts'

const text = v.string('must be a string')
const url = v.pipe(
  text,
  v.maxLength(2_048, 'must have at most 2048 characters'),
  v.description('Where the events are sent: https, a public address'),
)
const description = v.pipe(text, v.maxLength(255, 'must have at most 255 characters'))
const eventTypes = v.nullable(
  v.pipe(
    v.array(oneOf(WEBHOOK_EVENT_TYPES), 'must be a list'),
    v.minLength(1, 'must name at least one type, or be null for all'),
    v.maxLength(WEBHOOK_EVENT_TYPES.length, 'has more entries than there are types'),
    v.readonly(),
  ),
)
const secret = v.pipe(
  text,
  v.maxLength(128, 'is too long'),
  v.description('whsec_ and base64 of 24 to 64 bytes. Default: a new one'),
)
const flag = v.boolean('must be true or false')
const createEndpoint = bodyOf({
  url,
  description: v.exactOptional(description),
  event_types: v.exactOptional(eventTypes),
  secret: v.exactOptional(secret),
})
const updateEndpoint = bodyOf({
  url: v.exactOptional(url),
  description: v.exactOptional(description),
  event_types: v.exactOptional(eventTypes),
  enabled: v.exactOptional(flag),
})
const rotateSecret = bodyOf({
  secret: v.exactOptional(secret),
  force: v.exactOptional(flag),
  overlap_seconds: v.exactOptional(
    v.pipe(
      v.number('must be a number'),
      v.safeInteger('must be a whole number'),
      v.minValue(0, 'must be 0 or more'),
      v.maxValue(604_800, 'must be at most 604800, a week'),
      v.description('How long requests are also signed with the old secret; 0 if it leaked. Default: 86400'),
    ),
  ),
})
const ENDPOINT_RESPONSE = json(200, 'WebhookEndpoint', 'The endpoint in its current state')
const on = routesOf<WebhookServices>('Webhook endpoints')

/** The endpoints of outgoing webhooks. */
export const WEBHOOK_ENDPOINT_ROUTES: readonly Route<WebhookServices>[] = [
  on.post('/webhook-endpoints', {
    id: 'createWebhookEndpoint',
    summary: 'Create an endpoint',
    description:
      'The response shows the signing secret, only once. Requests are signed as Standard Webhooks specifies.',
    body: {
      name: 'CreateWebhookEndpoint',
      schema: createEndpoint,
      example: { url: 'https://shop.example/webhooks', event_types: ['payment.succeeded', 'payment.failed'] },
    },
    responses: [json(201, 'CreatedWebhookEndpoint', 'The endpoint and its secret', 'Location')],
    problems: ['webhook-endpoint-limit'],
    async handle(context, services, { event_types, ...wanted }) {
      const { endpoint, secret: shown } = await change(context, services, {
        action: 'webhook-endpoint.create',
        target: originOf(wanted.url),
        perform: () => webhooksOf(context, services).createEndpoint({ ...wanted, eventTypes: event_types }),
        summarize: (created) => `created ${created.endpoint.id}`,
      })
      const headers = { location: `/webhook-endpoints/${endpoint.id}`, 'cache-control': 'no-store' }
      const body = { ...presentEndpoint(endpoint, true), secret: shown }
      return respondJson(context, body, { status: 201, headers })
    },
  }),
  on.get('/webhook-endpoints', {
    id: 'listWebhookEndpoints',
    summary: 'List the endpoints',
    query: queryOf(pageEntries),
    responses: [json(200, 'WebhookEndpointPage', 'One page', 'Link')],
    async handle(context, { lists }, query) {
      const { page, next } = await readPage(query, (page) => lists.listEndpoints(accountOf(context), page))
      const seesUrl = seesUrls(context)
      const shown = page.map((endpoint) => presentEndpoint(endpoint, seesUrl))
      return respondPage(context, shown, next)
    },
  }),
  on.get('/webhook-endpoints/{endpoint_id}', {
    id: 'getWebhookEndpoint',
    summary: 'Read an endpoint',
    responses: [ENDPOINT_RESPONSE],
    problems: ['webhook-endpoint-not-found'],
    async handle(context, services) {
      const id = pathParameter(context, 'id')
      const endpoint = found(
        await webhooksOf(context, services).getEndpoint(id),
        'webhook-endpoint-not-found',
      )
      return respondJson(context, presentEndpoint(endpoint, seesUrls(context)))
    },
  }),
  on.patch('/webhook-endpoints/{endpoint_id}', {
    id: 'updateWebhookEndpoint',
    summary: 'Change, disable or enable an endpoint',
    body: { name: 'UpdateWebhookEndpoint', schema: updateEndpoint, example: { enabled: true } },
    responses: [ENDPOINT_RESPONSE],
    problems: ['webhook-endpoint-not-found'],
    async handle(context, services, { enabled, event_types, ...rest }) {
      const id = pathParameter(context, 'id')
      const wanted = { ...rest, eventTypes: event_types, isEnabled: enabled }
      const names = Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [name]))
      const changed = await change(context, services, {
        action: 'webhook-endpoint.update',
        target: id,
        perform: () => webhooksOf(context, services).updateEndpoint(id, wanted),
        summarize: (endpoint) => `changed: ${names.join(', ')}; sends to ${originOf(endpoint.url)}`,
      })
      return respondJson(context, presentEndpoint(changed, true))
    },
  }),
  on.delete('/webhook-endpoints/{endpoint_id}', {
    id: 'deleteWebhookEndpoint',
    summary: 'Delete an endpoint',
    responses: [{ status: 204, description: 'Deleted; nothing more is sent to it' }],
    problems: ['webhook-endpoint-not-found'],
    async handle(context, services) {
      const id = pathParameter(context, 'id')
      await change(context, services, {
        action: 'webhook-endpoint.delete',
        target: id,
        perform: () => webhooksOf(context, services).deleteEndpoint(id),
        summarize: () => 'deleted',
      })
      return context.body(null, 204)
    },
  }),
  on.post('/webhook-endpoints/{endpoint_id}/rotate-secret', {
    id: 'rotateWebhookSecret',
    summary: 'Give an endpoint a new secret',
    description: 'For a while requests are also signed with the old one.',
    body: {
      name: 'RotateSecret',
      schema: rotateSecret,
      isOptional: true,
      example: { overlap_seconds: 86_400 },
    },
    responses: [json(200, 'RotatedSecret', 'The new secret, shown only once')],
    problems: ['webhook-endpoint-not-found', 'webhook-secret-rotating'],
    async handle(context, services, { secret: given, force, overlap_seconds: seconds }) {
      const id = pathParameter(context, 'id')
      const overlapMs = seconds === undefined ? undefined : seconds * 1_000
      const rotated = await change(context, services, {
        action: 'webhook-endpoint.rotate-secret',
        target: id,
        perform: () =>
          webhooksOf(context, services).rotateSecret(id, { secret: given, isForced: force, overlapMs }),
        summarize: () => 'rotated',
      })
      const body = { secret: rotated.secret, old_secret_until: rotated.oldSecretUntil?.toISOString() ?? null }
      return respondJson(context, body, { headers: { 'cache-control': 'no-store' } })
    },
  }),
  on.post('/webhook-endpoints/{endpoint_id}/test', {
    id: 'testWebhookEndpoint',
    summary: 'Send a test event to an endpoint',
    responses: [json(202, 'WebhookDelivery', 'The delivery that will be made', 'Location')],
    problems: ['webhook-endpoint-not-found', 'webhook-endpoint-disabled'],
    async handle(context, services) {
      const id = pathParameter(context, 'id')
      const delivery = await change(context, services, {
        action: 'webhook-endpoint.test',
        target: id,
        perform: () => webhooksOf(context, services).sendTestEvent(id),
        summarize: (sent) => `delivery ${sent.id}`,
      })
      const headers = { location: `/webhook-deliveries/${delivery.id}` }
      return respondJson(context, presentDelivery(delivery), { status: 202, headers })
    },
  }),
]
