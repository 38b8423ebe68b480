import { paymentQuery } from '../schemas/payments.ts'
import { acceptedExample, eventsExample, paymentExample } from './examples.ts'
import type { Operation } from './operation.ts'

const createPayment: Omit<Operation, 'path' | 'id' | 'summary' | 'description'> = {
  method: 'post',
  tag: 'Payments',
  headers: ['Idempotency-Key'],
  body: { schema: 'PayRequest', example: { amount: 500, idempotency_key: 'order-4711' } },
  answers: [
    {
      status: 202,
      description:
        'The payment is stored and will be carried out. The same request gets the same answer again.',
      headers: ['Location', 'Idempotent-Replayed'],
      schema: 'AcceptedPayment',
      example: acceptedExample,
    },
  ],
  problems: [
    'malformed-json',
    'validation-failed',
    'idempotency-key-missing',
    'idempotency-key-invalid',
    'idempotency-key-repeated',
    'idempotency-key-conflict',
    'card-data-not-allowed',
    'request-in-flight',
    'body-too-large',
    'unsupported-media-type',
    'idempotency-key-reused',
  ],
}

/** The routes of payments. */
export const PAYMENT_OPERATIONS: readonly Operation[] = [
  {
    ...createPayment,
    path: '/pay',
    id: 'pay',
    summary: 'Create a payment',
    description:
      'Needs an idempotency key, in the body or in the header. One key is one payment for ever: repeat the request until it is answered, nothing is charged twice.',
  },
  {
    ...createPayment,
    path: '/payments',
    id: 'createPayment',
    summary: 'Create a payment, under another name',
    description: 'The same as `POST /pay`.',
  },
  {
    method: 'get',
    path: '/payments',
    id: 'listPayments',
    tag: 'Payments',
    summary: 'List payments',
    description:
      'Newest first, page by page. New payments never shift the pages after the first. `created_after` and `created_before` include the first moment and exclude the second; they look at payments whose server agreed with the database about the time to within five minutes. A page examines a bounded number of payments, so it may be short or empty while `has_more` is true: continue with `next_cursor`, or narrow the list by time.',
    query: paymentQuery,
    answers: [
      {
        status: 200,
        description: 'One page',
        headers: ['Link'],
        schema: 'PaymentPage',
        example: { data: [paymentExample], has_more: true, next_cursor: 'cGF5XzAxOWFhMWIyLkx2cVVw' },
      },
    ],
    problems: ['validation-failed', 'invalid-cursor', 'card-data-not-allowed'],
  },
  {
    method: 'get',
    path: '/payments/{payment_id}',
    id: 'getPayment',
    tag: 'Payments',
    summary: 'Read a payment',
    description:
      'Ask again after `Retry-After` seconds while the payment is under way; SUCCESS and FAILED are final.',
    headers: ['If-None-Match'],
    answers: [
      {
        status: 200,
        description: 'The payment as it is now',
        headers: ['ETag', 'Retry-After'],
        schema: 'Payment',
        example: paymentExample,
      },
      { status: 304, description: 'Nothing has changed', headers: ['ETag', 'Retry-After'] },
    ],
    problems: ['payment-not-found'],
  },
  {
    method: 'get',
    path: '/payments/{payment_id}/events',
    id: 'listPaymentEvents',
    tag: 'Payments',
    summary: 'Read the history of a payment',
    description:
      'In order: `sequence` counts from 1 without gaps. Of a longer history the latest 1000 are read.',
    headers: ['If-None-Match'],
    answers: [
      {
        status: 200,
        description: 'Everything that has happened to the payment',
        headers: ['ETag'],
        schema: 'PaymentEventList',
        example: eventsExample,
      },
      { status: 304, description: 'Nothing has changed', headers: ['ETag'] },
    ],
    problems: ['payment-not-found'],
  },
  {
    method: 'post',
    path: '/payments/{payment_id}/cancel',
    id: 'cancelPayment',
    tag: 'Payments',
    summary: 'Cancel a payment',
    description: 'Possible until its processing begins.',
    answers: [
      {
        status: 200,
        description: 'The payment, which is FAILED now',
        schema: 'Payment',
        example: {
          ...paymentExample,
          status: 'FAILED',
          attempts: 0,
          failure: { code: 'canceled', kind: 'canceled' },
        },
      },
    ],
    problems: ['payment-not-found', 'invalid-state', 'request-in-flight'],
  },
]
