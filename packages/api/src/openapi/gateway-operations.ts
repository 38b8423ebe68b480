import type { Operation } from './operation.ts'

/** The route for gateways. Their signature takes the place of an API key. */
export const GATEWAY_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/gateway-webhooks/{gateway}',
    id: 'receiveGatewayWebhook',
    tag: 'Gateways',
    summary: 'Tell what became of a charge',
    description:
      "For payment gateways only: the body is in the gateway's own form and signed in its own way. After any other answer than 200 the gateway sends it again.",
    answers: [
      {
        status: 200,
        description: 'The outcome is stored, or says nothing new',
        schema: 'GatewayWebhookReceived',
        example: { received: true },
      },
    ],
    problems: ['gateway-webhook-refused', 'not-found', 'body-too-large'],
  },
]
