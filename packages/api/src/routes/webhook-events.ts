import * as v from 'valibot'
import { respondJson, respondPage } from '../http/response.ts'
import { deliveryExample, webhookEventExample } from '../openapi/examples.ts'
import { Problem } from '../problem.ts'
import { presentDelivery, presentWebhookEvent } from '../schemas/webhooks.ts'
import { pathParameter, route, type Route } from './route.ts'
import { pageEntries, pageResponse, readPage, REDELIVERED, type WebhookServices } from './webhook-services.ts'

const eventsQuery = v.strictObject(
  {
    ...pageEntries,
    payment_id: v.exactOptional(
      v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/, 'must be the id of a payment')),
    ),
  },
  'must be a query',
)
const redeliverEvent = v.strictObject(
  { endpoint_id: v.exactOptional(v.pipe(v.string('must be a string'), v.maxLength(64, 'is too long'))) },
  'must be an object',
)

/** The events of outgoing webhooks and their deliveries. */
export const WEBHOOK_EVENT_ROUTES: readonly Route<WebhookServices>[] = [
  route({
    method: 'get',
    path: '/webhook-events',
    id: 'listWebhookEvents',
    tag: 'Webhook events',
    summary: 'List the events',
    query: eventsQuery,
    responses: [pageResponse('WebhookEventPage', webhookEventExample)],
    async handle(context, { lists }, { payment_id: paymentId, ...query }) {
      const { page, next } = await readPage(query, (wanted) => lists.listEvents({ ...wanted, paymentId }))
      return respondPage(context, page.map(presentWebhookEvent), next)
    },
  }),
  route({
    method: 'get',
    path: '/webhook-events/{event_id}',
    id: 'getWebhookEvent',
    tag: 'Webhook events',
    summary: 'Read an event',
    responses: [
      { status: 200, description: 'The event', schema: 'WebhookEvent', example: webhookEventExample },
    ],
    problems: ['webhook-event-not-found'],
    async handle(context, { webhooks }) {
      const event = await webhooks.getEvent(pathParameter(context, 'id'))
      if (event === undefined) throw new Problem('webhook-event-not-found')
      return respondJson(context, presentWebhookEvent(event))
    },
  }),
  route({
    method: 'get',
    path: '/webhook-events/{event_id}/deliveries',
    id: 'listEventDeliveries',
    tag: 'Webhook events',
    summary: 'List the deliveries of an event',
    responses: [
      {
        status: 200,
        description: 'One delivery for each endpoint',
        schema: 'WebhookDeliveryList',
        example: { data: [deliveryExample] },
      },
    ],
    problems: ['webhook-event-not-found'],
    async handle(context, { webhooks }) {
      const id = pathParameter(context, 'id')
      if ((await webhooks.getEvent(id)) === undefined) throw new Problem('webhook-event-not-found')
      const deliveries = await webhooks.deliveriesOfEvent(id)
      return respondJson(context, { data: deliveries.map(presentDelivery) })
    },
  }),
  route({
    method: 'post',
    path: '/webhook-events/{event_id}/redeliver',
    id: 'redeliverEvent',
    tag: 'Webhook events',
    summary: 'Send an event again',
    body: { name: 'RedeliverEvent', schema: redeliverEvent, isOptional: true, example: {} },
    responses: [REDELIVERED],
    problems: ['webhook-event-not-found', 'webhook-endpoint-disabled'],
    async handle(context, { webhooks }, { endpoint_id: endpointId }) {
      const redelivered = await webhooks.redeliver({ eventId: pathParameter(context, 'id'), endpointId })
      return respondJson(context, { redelivered }, { status: 202 })
    },
  }),
]
