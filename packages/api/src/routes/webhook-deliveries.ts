import { DELIVERY_STATUSES } from '@titan/webhooks'
import * as v from 'valibot'
import { respondJson, respondPage } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { found } from '../problem.ts'
import { bodyOf, oneOf, queryOf, toDate } from '../schemas/parts.ts'
import { presentAttempt, presentDelivery } from '../schemas/webhooks.ts'
import { pathParameter, routesOf, type Route } from './route.ts'
import { pageEntries, redeliver, REDELIVERED, webhooksOf, type WebhookServices } from './webhook-services.ts'

const NO_INSTANT = 'must be a time such as 2026-11-24T12:00:00Z'
const instant = v.pipe(
  v.string('must be a string'),
  v.isoTimestamp(NO_INSTANT),
  v.transform(toDate),
  v.date(NO_INSTANT),
)

const redeliverRange = bodyOf({
  since: v.exactOptional(instant),
  until: v.exactOptional(instant),
  status: v.exactOptional(v.picklist(['FAILED', 'DELIVERED'], 'must be FAILED or DELIVERED')),
})
const RANGE_EXAMPLE = { since: '2026-11-24T00:00:00Z', status: 'FAILED' }
const deliveriesQuery = queryOf({ ...pageEntries, status: v.exactOptional(oneOf(DELIVERY_STATUSES)) })
const ofEndpoints = routesOf<WebhookServices>('Webhook endpoints')
const ofEvents = routesOf<WebhookServices>('Webhook events')

/** The deliveries of outgoing webhooks: to an endpoint, or one of them. */
export const WEBHOOK_DELIVERY_ROUTES: readonly Route<WebhookServices>[] = [
  ofEndpoints.get('/webhook-endpoints/{endpoint_id}/deliveries', {
    id: 'listEndpointDeliveries',
    summary: 'List the deliveries to an endpoint',
    description:
      'Newest first, page by page. A page examines a bounded number of deliveries, so it may be short or empty while `has_more` is true: continue with `next_cursor`.',
    query: deliveriesQuery,
    responses: [json(200, 'WebhookDeliveryPage', 'One page', 'Link')],
    problems: ['webhook-endpoint-not-found'],
    async handle(context, services, { limit, cursor: after, status }) {
      const id = pathParameter(context, 'id')
      found(await webhooksOf(context, services).getEndpoint(id), 'webhook-endpoint-not-found')
      const { deliveries, next } = await services.lists.deliveryPage(id, { limit, after, status })
      return respondPage(context, deliveries.map(presentDelivery), next)
    },
  }),
  ofEndpoints.post('/webhook-endpoints/{endpoint_id}/redeliver', {
    id: 'redeliverToEndpoint',
    summary: 'Send the deliveries of a period again',
    body: { name: 'RedeliverRange', schema: redeliverRange, isOptional: true, example: RANGE_EXAMPLE },
    responses: [REDELIVERED],
    problems: ['webhook-endpoint-not-found', 'webhook-endpoint-disabled'],
    async handle(context, services, range) {
      const id = pathParameter(context, 'id')
      const redelivered = await redeliver(context, services, id, (webhooks) =>
        webhooks.redeliverRange(id, range),
      )
      return respondJson(context, { redelivered }, { status: 202 })
    },
  }),
  ofEvents.get('/webhook-deliveries/{delivery_id}', {
    id: 'getWebhookDelivery',
    summary: 'Read a delivery and its attempts',
    responses: [json(200, 'WebhookDeliveryWithHistory', 'The delivery')],
    problems: ['webhook-delivery-not-found'],
    async handle(context, services) {
      const id = pathParameter(context, 'id')
      const webhooks = webhooksOf(context, services)
      const delivery = found(await webhooks.getDelivery(id), 'webhook-delivery-not-found')
      const attempts = await webhooks.attemptsOf(id)
      return respondJson(context, { ...presentDelivery(delivery), history: attempts.map(presentAttempt) })
    },
  }),
  ofEvents.post('/webhook-deliveries/{delivery_id}/redeliver', {
    id: 'redeliverDelivery',
    summary: 'Send a delivery again',
    responses: [REDELIVERED],
    problems: ['webhook-delivery-not-found', 'webhook-endpoint-disabled'],
    async handle(context, services) {
      const deliveryId = pathParameter(context, 'id')
      const redelivered = await redeliver(context, services, deliveryId, (webhooks) =>
        webhooks.redeliver({ deliveryId }),
      )
      return respondJson(context, { redelivered }, { status: 202 })
    },
  }),
]
