import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Books } from './books.ts'
import { createIntent, newId, type PaymentIntent } from './payment-intent.ts'
import type { Order, Script, Weights, WebhookScript } from './script.ts'
import type { WebhookSender } from './webhooks.ts'

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
  readonly intent?: Partial<PaymentIntent>
}

/** Adds the routes of the test rig: orders, events and the ledger. */
export function addControls(
  app: Hono<{ readonly Bindings: HttpBindings }>,
  {
    books,
    script,
    webhooks,
  }: { readonly books: Books; readonly script: Script; readonly webhooks: WebhookSender },
): void {
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
    const text = await c.req.text()
    const { weights, seed } = text === '' ? {} : (JSON.parse(text) as ResetRequest)
    script.reset(weights, seed)
    return c.json({ ok: true })
  })
  app.post('/_webhook', async (c) => {
    const { payment, type = 'payment_intent.succeeded', intent, ...how } = await c.req.json<EventRequest>()
    const known = [...books.intents.values()].findLast(({ metadata }) => metadata['payment_id'] === payment)
    await webhooks.sendEvent(type, { ...(known ?? strangeIntent(payment)), ...intent }, how)
    return c.json({ ok: true })
  })
  app.get('/_ledger', (c) => {
    const { charges, requests, intents, mismatches } = books
    return c.json({ charges, requests, intents: [...intents.values()], mismatches })
  })
}

/** An intent of somebody else's. */
function strangeIntent(payment: string): PaymentIntent {
  const intent = createIntent(
    {
      amount: 100,
      currency: 'usd',
      confirm: true,
      paymentMethod: null,
      description: null,
      metadata: { payment_id: payment },
    },
    Date.now(),
  )
  return { ...intent, status: 'succeeded', amount_received: 100, latest_charge: newId('ch') }
}
