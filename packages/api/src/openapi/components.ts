import { toJsonSchema, toJsonSchemaDefs, type JsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { payRequest } from '../schemas/payments.ts'
import * as webhooks from '../schemas/webhooks.ts'
import * as answers from './answers.ts'
import * as webhookAnswers from './webhook-answers.ts'

/** Every schema that has a name in the document. The requests are those that validate. */
const COMPONENTS: Readonly<Record<ComponentName, GenericSchema>> = {
  PayRequest: payRequest,
  AcceptedPayment: answers.acceptedAnswer,
  Payment: answers.paymentAnswer,
  PaymentPage: answers.pageOf(answers.paymentAnswer),
  PaymentEvent: answers.eventAnswer,
  PaymentEventList: answers.listOf(answers.eventAnswer),
  CreateWebhookEndpoint: webhooks.createEndpointBody,
  UpdateWebhookEndpoint: webhooks.updateEndpointBody,
  RotateSecret: webhooks.rotateSecretBody,
  RedeliverRange: webhooks.redeliverRangeBody,
  RedeliverEvent: webhooks.redeliverEventBody,
  WebhookEndpoint: webhookAnswers.endpointAnswer,
  CreatedWebhookEndpoint: webhookAnswers.createdEndpointAnswer,
  WebhookEndpointPage: answers.pageOf(webhookAnswers.endpointAnswer),
  RotatedSecret: webhookAnswers.rotatedSecretAnswer,
  WebhookDelivery: webhookAnswers.deliveryAnswer,
  WebhookDeliveryWithHistory: webhookAnswers.deliveryWithHistoryAnswer,
  WebhookDeliveryPage: answers.pageOf(webhookAnswers.deliveryAnswer),
  WebhookDeliveryList: answers.listOf(webhookAnswers.deliveryAnswer),
  WebhookEvent: webhookAnswers.eventAnswer,
  WebhookEventPage: answers.pageOf(webhookAnswers.eventAnswer),
  Redelivered: webhookAnswers.redeliveredAnswer,
  GatewayWebhookReceived: answers.gatewayWebhookAnswer,
  Health: answers.healthAnswer,
  Readiness: answers.readinessAnswer,
  Problem: answers.problemAnswer,
}

/** The name of a schema in the document. */
export type ComponentName =
  | 'PayRequest'
  | 'AcceptedPayment'
  | 'Payment'
  | 'PaymentPage'
  | 'PaymentEvent'
  | 'PaymentEventList'
  | 'CreateWebhookEndpoint'
  | 'UpdateWebhookEndpoint'
  | 'RotateSecret'
  | 'RedeliverRange'
  | 'RedeliverEvent'
  | 'WebhookEndpoint'
  | 'CreatedWebhookEndpoint'
  | 'WebhookEndpointPage'
  | 'RotatedSecret'
  | 'WebhookDelivery'
  | 'WebhookDeliveryWithHistory'
  | 'WebhookDeliveryPage'
  | 'WebhookDeliveryList'
  | 'WebhookEvent'
  | 'WebhookEventPage'
  | 'Redelivered'
  | 'GatewayWebhookReceived'
  | 'Health'
  | 'Readiness'
  | 'Problem'

/** A reference to a named schema. */
export function schemaRef(name: ComponentName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** All named schemas. */
export function componentSchemas(): Readonly<Record<ComponentName, JsonSchema>> {
  return toJsonSchemaDefs(COMPONENTS, {
    target: 'draft-2020-12',
    typeMode: 'input',
    ignoreActions: ['check', 'readonly'],
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  })
}

/** A query parameter of a route. */
export interface QueryParameter {
  readonly name: string
  readonly schema: JsonSchema
}

/** The parameters of a query by what they mean: a number rather than its digits. */
export function queryParameters(query: GenericSchema): readonly QueryParameter[] {
  const { properties = {} } = toJsonSchema(query, {
    target: 'draft-2020-12',
    typeMode: 'output',
    ignoreActions: ['check'],
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === 'date' ? { type: 'string', format: 'date-time' } : undefined,
  })
  return Object.entries(properties).flatMap(([name, schema]) =>
    typeof schema === 'boolean' ? [] : [{ name, schema }],
  )
}
