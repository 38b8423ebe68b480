import type Stripe from 'stripe'
import type { IntentRow } from '../model/intent.ts'
import type { Answer } from './answer.ts'
import { customerOf } from './customer.ts'
import { docUrlOf, type ErrorFacts } from './errors.ts'
import { expandIntent, expandRefund, type Rows } from './expand.ts'
import { paymentErrorOf, paymentIntentOf } from './payment-intent.ts'
import { paymentMethodOf } from './payment-method.ts'

/** What a client gets. */
export interface WrittenAnswer {
  readonly status: number
  readonly body: object
}

/** Writes an answer out as Stripe does. `request` is the id of the request that it answers. */
export function writeAnswer({ status, body }: Answer, rows: Rows, request: string): WrittenAnswer {
  switch (body.kind) {
    case 'intent':
      return { status, body: expandIntent(body.intent, rows, body.expand) }
    case 'refund':
      return { status, body: expandRefund(body.refund, rows, body.expand) }
    case 'customer':
      return { status, body: customerOf(body.customer) }
    case 'card':
      return { status, body: paymentMethodOf(body.card) }
    case 'error':
      return { status, body: { error: errorOf(body.error, request, body.intent) } }
    case 'card_error':
      return { status, body: { error: cardErrorOf(body.intent, request) } }
    case 'json':
      return { status, body: body.json }
  }
}

function errorOf({ code, ...facts }: ErrorFacts, request: string, intent?: IntentRow): Stripe.StripeRawError {
  return {
    ...(code !== undefined && { code, doc_url: docUrlOf(code) }),
    ...facts,
    ...(intent !== undefined && { payment_intent: paymentIntentOf(intent) }),
    request_log_url: logUrlOf(request),
  }
}

function cardErrorOf(intent: IntentRow, request: string): Stripe.StripeRawError {
  if (intent.error === null) throw new Error(`${intent.id} was not declined`)
  return {
    ...paymentErrorOf(intent.error),
    payment_intent: paymentIntentOf(intent),
    request_log_url: logUrlOf(request),
    type: intent.error.type,
  }
}

function logUrlOf(request: string): string {
  return `https://dashboard.stripe.com/test/logs/${request}`
}
