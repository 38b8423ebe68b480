import * as v from 'valibot'
import { accountOf } from '../http/account.ts'
import { respondJson, respondPage } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { found } from '../problem.ts'
import { bodyOf, queryOf } from '../schemas/parts.ts'
import { presentDelivery, presentWebhookEvent } from '../schemas/webhooks.ts'
import { pathParameter, routesOf, type Route } from './route.ts'
import {
  pageEntries,
  readPage,
  redeliver,
  REDELIVERED,
  webhooksOf,
  type WebhookServices,
} from './webhook-services.ts'

const eventsQuery = queryOf({
  ...pageEntries,
  payment_id: v.exactOptional(
    v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/, 'must be the id of a payment')),
  ),
})
const redeliverEvent = bodyOf({
  endpoint_id: v.exactOptional(v.pipe(v.string('must be a string'), v.maxLength(64, 'is too long'))),
})
const on = routesOf<WebhookServices>('Webhook events')

/** The events of outgoing webhooks and their deliveries. */
export const WEBHOOK_EVENT_ROUTES: readonly Route<WebhookServices>[] = [
  on.get('/webhook-events', {
    id: 'listWebhookEvents',
    summary: 'List the events',
    query: eventsQuery,
    responses: [json(200, 'WebhookEventPage', 'One page', 'Link')],
    async handle(context, { lists }, { payment_id: paymentId, ...query }) {
      const { page, next } = await readPage(query, (wanted) =>
        lists.listEvents(accountOf(context), { ...wanted, paymentId }),
      )
      return respondPage(context, page.map(presentWebhookEvent), next)
    },
  }),
  on.get('/webhook-events/{event_id}', {
    id: 'getWebhookEvent',
    summary: 'Read an event',
    responses: [json(200, 'WebhookEvent', 'The event')],
    problems: ['webhook-event-not-found'],
    async handle(context, services) {
      const webhooks = webhooksOf(context, services)
      const event = found(await webhooks.getEvent(pathParameter(context, 'id')), 'webhook-event-not-found')
      return respondJson(context, presentWebhookEvent(event))
    },
  }),
  on.get('/webhook-events/{event_id}/deliveries', {
    id: 'listEventDeliveries',
    summary: 'List the deliveries of an event',
    responses: [json(200, 'WebhookDeliveryList', 'One delivery for each endpoint')],
    problems: ['webhook-event-not-found'],
    async handle(context, services) {
      const id = pathParameter(context, 'id')
      const webhooks = webhooksOf(context, services)
      found(await webhooks.getEvent(id), 'webhook-event-not-found')
      const deliveries = await webhooks.deliveriesOfEvent(id)
      return respondJson(context, { data: deliveries.map(presentDelivery) })
    },
  }),
  on.post('/webhook-events/{event_id}/redeliver', {
    id: 'redeliverEvent',
    summary: 'Send an event again',
    body: { name: 'RedeliverEvent', schema: redeliverEvent, isOptional: true, example: {} },
    responses: [REDELIVERED],
    problems: ['webhook-event-not-found', 'webhook-endpoint-disabled'],
    async handle(context, services, { endpoint_id: endpointId }) {
      const eventId = pathParameter(context, 'id')
      const redelivered = await redeliver(context, services, eventId, (webhooks) =>
        webhooks.redeliver({ eventId, endpointId }),
      )
      return respondJson(context, { redelivered }, { status: 202 })
    },
  }),
]
