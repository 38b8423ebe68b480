import type { Hono } from 'hono'
import type Stripe from 'stripe'
import type { DisputeFacts } from './model/dispute.ts'
import { createIntent, succeed, type IntentRow } from './model/intent.ts'
import type { Env, Parts } from './exchange.ts'
import { readLedger } from './ledger/ledger.ts'
import type { Order, Weights, WebhookScript } from './script/script.ts'
import { paymentIntentOf } from './stripe/payment-intent.ts'

/** The body of `DELETE /_control`: what to weigh from now on. */
export interface ResetRequest {
  readonly weights?: Weights
  readonly seed?: number
}

/** The body of `POST /_webhook`: an event, whether or not there is such a payment. */
export interface EventRequest extends WebhookScript {
  readonly payment: string
  /** @default 'payment_intent.succeeded' */
  readonly type?: string
  /** Members that differ from the payment's own intent, or from a new one. */
  readonly intent?: Partial<Stripe.PaymentIntent>
}

/** The body of `POST /_action`: the customer's answer to the bank. */
export interface AnswerRequest {
  readonly payment: string
  readonly success: boolean
}

/** The body of `POST /_dispute`: what the cardholder's bank says about the payment's charge. */
export interface DisputeRequest extends Partial<DisputeFacts> {
  readonly payment: string
}

/** Steers a simulator over HTTP. */
export type SimulatorClient = ReturnType<typeof createClient>

/** Creates a client for the simulator at `url`. */
export function createClient(url: string) {
  async function send(method: string, path: string, body: object) {
    const response = await fetch(`${url}${path}`, { method, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`The simulator answered ${response.status}: ${await response.text()}`)
    await response.body?.cancel()
  }
  return {
    /** Queues behaviours for requests to come. @throws {Error} for a behaviour that does not exist */
    order: (orders: Order | readonly Order[]) => send('POST', '/_control', orders),
    /** Forgets every order, and replaces the weights and the seed that are given. */
    reset: (request: ResetRequest = {}) => send('DELETE', '/_control', request),
    /** Answers the bank's question about a payment. @throws {Error} when there is none */
    answerBank: (answer: AnswerRequest) => send('POST', '/_action', answer),
    /** Opens a dispute about a charge, or moves it on. @throws {Error} when nothing was charged */
    dispute: (request: DisputeRequest) => send('POST', '/_dispute', request),
    /** Sends a webhook of any kind; resolves when it was accepted or given up. */
    sendWebhook: (event: EventRequest) => send('POST', '/_webhook', event),
  }
}

/** Adds the routes of the test rig: orders, events and the ledger. */
export function addControls(
  app: Hono<Env>,
  { ledger, script, webhooks, gateway }: Pick<Parts, 'ledger' | 'script' | 'webhooks' | 'gateway'>,
) {
  app.post('/_control', async (c) => {
    const body = await c.req.json<Order | readonly Order[]>()
    try {
      for (const order of [body].flat()) script.add(order)
    } catch (error) {
      return c.json({ error: { message: error instanceof Error ? error.message : String(error) } }, 400)
    }
    return c.json({ ok: true })
  })
  app.delete('/_control', async (c) => {
    const { weights, seed } = JSON.parse((await c.req.text()) || '{}') as ResetRequest
    script.reset(weights, seed)
    return c.json({ ok: true })
  })
  app.post('/_webhook', async (c) => {
    const { payment, type = 'payment_intent.succeeded', intent, ...how } = await c.req.json<EventRequest>()
    const known = [...ledger.intents.values()].findLast(({ metadata }) => metadata['payment_id'] === payment)
    const object = { ...paymentIntentOf(known ?? strangeIntent(payment)), ...intent }
    await webhooks.sendEvent(type, object, how)
    return c.json({ ok: true })
  })
  app.post('/_action', async (c) => {
    const { payment, success } = await c.req.json<AnswerRequest>()
    const waiting = [...ledger.intents.values()].findLast(
      ({ status, metadata }) => status === 'requires_action' && metadata['payment_id'] === payment,
    )
    if (waiting !== undefined && (await gateway.answerBank(waiting.id, success))) return c.json({ ok: true })
    return c.json({ error: { message: `${payment} waits for no answer` } }, 404)
  })
  app.post('/_dispute', async (c) => {
    const { payment, ...given } = await c.req.json<DisputeRequest>()
    const charged = [...ledger.intents.values()].findLast(
      ({ metadata }) => metadata['payment_id'] === payment,
    )
    if (charged !== undefined && (await gateway.dispute(charged.id, given))) return c.json({ ok: true })
    return c.json({ error: { message: `${payment} was not charged` } }, 404)
  })
  app.get('/_ledger', async (c) => c.json(await readLedger(ledger.path)))
}

/** An intent that this gateway never made. */
function strangeIntent(payment: string): IntentRow {
  const request = {
    amount: 100,
    currency: 'usd',
    captureMethod: 'automatic_async',
    confirmationMethod: 'automatic',
    customer: null,
    description: null,
    metadata: { payment_id: payment },
    receiptEmail: null,
    setupFutureUsage: null,
    statementDescriptor: null,
    statementDescriptorSuffix: null,
    allowedTypes: ['card'],
    allowRedirects: null,
  }
  const now = Date.now()
  const card = { id: 'pm_strange', token: 'pm_card_visa', customer: null, created: now }
  return succeed(createIntent(request, null, now), { card, isAuthenticated: false, now })
}
