import type { ProblemCode } from '../problem.ts'
import * as schemas from '../schemas/webhooks.ts'
import {
  attemptExample,
  deliveryExample,
  endpointExample,
  SECRET_EXAMPLE,
  webhookEventExample,
} from './examples.ts'
import type { Answer, Operation } from './operation.ts'

const BODY_PROBLEMS: readonly ProblemCode[] = [
  'malformed-json',
  'validation-failed',
  'card-data-not-allowed',
  'body-too-large',
  'unsupported-media-type',
]
const QUERY_PROBLEMS: readonly ProblemCode[] = ['validation-failed', 'card-data-not-allowed']

function pageAnswer(schema: Answer['schema'] & string, example: object): Answer {
  const page = { data: [example], has_more: false, next_cursor: null }
  return { status: 200, description: 'One page', schema, example: page }
}
const endpointAnswer: Answer = {
  status: 200,
  description: 'The endpoint as it is now',
  schema: 'WebhookEndpoint',
  example: endpointExample,
}
const redelivered: Answer = {
  status: 202,
  description: 'How many deliveries will be sent again',
  schema: 'Redelivered',
  example: { redelivered: 1 },
}

/** The routes of outgoing webhooks. */
export const WEBHOOK_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/webhook-endpoints',
    id: 'createWebhookEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Create an endpoint',
    description:
      'The answer shows the signing secret, this once. Requests are signed as Standard Webhooks wants it.',
    body: {
      schema: 'CreateWebhookEndpoint',
      example: { url: 'https://shop.example/webhooks', event_types: ['payment.succeeded', 'payment.failed'] },
    },
    answers: [
      {
        status: 201,
        description: 'The endpoint and its secret',
        headers: ['Location'],
        schema: 'CreatedWebhookEndpoint',
        example: { ...endpointExample, secret: SECRET_EXAMPLE },
      },
    ],
    problems: [...BODY_PROBLEMS, 'webhook-endpoint-limit'],
  },
  {
    method: 'get',
    path: '/webhook-endpoints',
    id: 'listWebhookEndpoints',
    tag: 'Webhook endpoints',
    summary: 'List the endpoints',
    query: schemas.endpointsQuery,
    answers: [pageAnswer('WebhookEndpointPage', endpointExample)],
    problems: QUERY_PROBLEMS,
  },
  {
    method: 'get',
    path: '/webhook-endpoints/{endpoint_id}',
    id: 'getWebhookEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Read an endpoint',
    answers: [endpointAnswer],
    problems: ['webhook-endpoint-not-found'],
  },
  {
    method: 'patch',
    path: '/webhook-endpoints/{endpoint_id}',
    id: 'updateWebhookEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Change, disable or enable an endpoint',
    body: { schema: 'UpdateWebhookEndpoint', example: { enabled: true } },
    answers: [endpointAnswer],
    problems: [...BODY_PROBLEMS, 'webhook-endpoint-not-found'],
  },
  {
    method: 'delete',
    path: '/webhook-endpoints/{endpoint_id}',
    id: 'deleteWebhookEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Delete an endpoint',
    answers: [{ status: 204, description: 'It is gone, and nothing more is sent to it' }],
    problems: ['webhook-endpoint-not-found'],
  },
  {
    method: 'post',
    path: '/webhook-endpoints/{endpoint_id}/rotate-secret',
    id: 'rotateWebhookSecret',
    tag: 'Webhook endpoints',
    summary: 'Give an endpoint a new secret',
    description: 'The old one goes on signing beside it for a while.',
    body: { schema: 'RotateSecret', isRequired: false, example: { overlap_seconds: 86_400 } },
    answers: [
      {
        status: 200,
        description: 'The new secret, shown this once',
        schema: 'RotatedSecret',
        example: { secret: SECRET_EXAMPLE, old_secret_until: '2026-11-25T12:00:00.000Z' },
      },
    ],
    problems: [...BODY_PROBLEMS, 'webhook-endpoint-not-found', 'webhook-secret-rotating'],
  },
  {
    method: 'post',
    path: '/webhook-endpoints/{endpoint_id}/test',
    id: 'testWebhookEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Send a test event to an endpoint',
    answers: [
      {
        status: 202,
        description: 'The delivery that will be made',
        headers: ['Location'],
        schema: 'WebhookDelivery',
        example: deliveryExample,
      },
    ],
    problems: ['webhook-endpoint-not-found', 'webhook-endpoint-disabled'],
  },
  {
    method: 'get',
    path: '/webhook-endpoints/{endpoint_id}/deliveries',
    id: 'listEndpointDeliveries',
    tag: 'Webhook endpoints',
    summary: 'List the deliveries to an endpoint',
    description:
      'Newest first, page by page. A page examines a bounded number of deliveries, so it may be short or empty while `has_more` is true: continue with `next_cursor`.',
    query: schemas.deliveriesQuery,
    answers: [pageAnswer('WebhookDeliveryPage', deliveryExample)],
    problems: [...QUERY_PROBLEMS, 'webhook-endpoint-not-found'],
  },
  {
    method: 'post',
    path: '/webhook-endpoints/{endpoint_id}/redeliver',
    id: 'redeliverToEndpoint',
    tag: 'Webhook endpoints',
    summary: 'Send the deliveries of a time again',
    body: {
      schema: 'RedeliverRange',
      isRequired: false,
      example: { since: '2026-11-24T00:00:00Z', status: 'FAILED' },
    },
    answers: [redelivered],
    problems: [...BODY_PROBLEMS, 'webhook-endpoint-not-found', 'webhook-endpoint-disabled'],
  },
  {
    method: 'get',
    path: '/webhook-events',
    id: 'listWebhookEvents',
    tag: 'Webhook events',
    summary: 'List the events',
    query: schemas.eventsQuery,
    answers: [pageAnswer('WebhookEventPage', webhookEventExample)],
    problems: QUERY_PROBLEMS,
  },
  {
    method: 'get',
    path: '/webhook-events/{event_id}',
    id: 'getWebhookEvent',
    tag: 'Webhook events',
    summary: 'Read an event',
    answers: [
      { status: 200, description: 'The event', schema: 'WebhookEvent', example: webhookEventExample },
    ],
    problems: ['webhook-event-not-found'],
  },
  {
    method: 'get',
    path: '/webhook-events/{event_id}/deliveries',
    id: 'listEventDeliveries',
    tag: 'Webhook events',
    summary: 'List the deliveries of an event',
    answers: [
      {
        status: 200,
        description: 'One delivery for each endpoint',
        schema: 'WebhookDeliveryList',
        example: { data: [deliveryExample] },
      },
    ],
    problems: ['webhook-event-not-found'],
  },
  {
    method: 'post',
    path: '/webhook-events/{event_id}/redeliver',
    id: 'redeliverEvent',
    tag: 'Webhook events',
    summary: 'Send an event again',
    body: { schema: 'RedeliverEvent', isRequired: false, example: {} },
    answers: [redelivered],
    problems: [...BODY_PROBLEMS, 'webhook-event-not-found', 'webhook-endpoint-disabled'],
  },
  {
    method: 'get',
    path: '/webhook-deliveries/{delivery_id}',
    id: 'getWebhookDelivery',
    tag: 'Webhook events',
    summary: 'Read a delivery and its attempts',
    answers: [
      {
        status: 200,
        description: 'The delivery',
        schema: 'WebhookDeliveryWithHistory',
        example: { ...deliveryExample, history: [attemptExample] },
      },
    ],
    problems: ['webhook-delivery-not-found'],
  },
  {
    method: 'post',
    path: '/webhook-deliveries/{delivery_id}/redeliver',
    id: 'redeliverDelivery',
    tag: 'Webhook events',
    summary: 'Send a delivery again',
    answers: [redelivered],
    problems: ['webhook-delivery-not-found', 'webhook-endpoint-disabled'],
  },
]
