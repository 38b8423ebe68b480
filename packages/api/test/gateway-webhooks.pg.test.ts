import { signatureHeader } from '@titan/gateway-simulator'
import { eventually, startTcpProxy, type TcpProxy } from '@titan/testkit'
import { createPaymentHandler, type GatewayWebhook } from '@titan/payments'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { startSimulator, stripeAt } from '../../payments/test/support/simulator.ts'
import { startServer } from '../src/server.ts'
import { openTestApi } from './support/api.ts'

const SECRET = 'whsec_of_the_tests'
const gatewaySecrets = { STRIPE_WEBHOOK_SECRET: SECRET }
/** A module may read webhooks asynchronously, and may return anything. */
const readers = [
  {
    gateway: 'acme',
    signatureHeader: undefined,
    async parse(body: string | Uint8Array) {
      const text = Buffer.from(body).toString()
      if (text === 'no event') throw new Error(text)
      return JSON.parse(text) as GatewayWebhook
    },
  },
]
const api = await openTestApi({ gatewaySecrets, readers })
const server = await startServer({ fetch: api.fetch, host: '127.0.0.1', port: 0 })
afterAll(async () => {
  await server.drain(0)
  await api.close()
})

/** A simulator that sends its webhooks to the API, and the charging of a payment there. */
async function openGateway(behaviour: string): Promise<{
  readonly url: string
  /** Stores a payment, charges it once as a worker does and answers its id. */
  charge(key: string): Promise<string>
  /** Has the gateway send copies of its news about a payment. */
  send(payment: string, copies: number): Promise<void>
}> {
  const webhook = { url: `${server.url}/gateway-webhooks/stripe`, secret: SECRET }
  const simulator = await startSimulator({ webhook })
  const gateway = stripeAt(simulator.url)
  return {
    url: simulator.url,
    async charge(key) {
      const { payment_id: id } = (await (await api.pay({ amount: 500, idempotency_key: key })).json()) as {
        payment_id: string
      }
      await simulator.order({
        payment: id,
        behaviours: [behaviour],
        webhook: { skip: behaviour === '500_after' },
      })
      const pay = createPaymentHandler({ store: api.store, gateway })
      // An outcome that is unknown asks for another try.
      await pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => {})
      return id
    },
    send: (payment, copies) => simulator.sendWebhook({ payment, copies }),
  }
}

async function statusOf(id: string): Promise<unknown> {
  return ((await (await api.request(`/payments/${id}`)).json()) as { status: unknown }).status
}

/** Posts an event as the gateway does. */
function post(
  body: string,
  { secret = SECRET, at = Date.now(), gateway = 'stripe', to = api } = {},
): Promise<Response> {
  return to.request(`/gateway-webhooks/${gateway}`, {
    method: 'POST',
    headers: { 'stripe-signature': signatureHeader(body, secret, at) },
    body,
  })
}

function eventOf(paymentId: string, type = 'payment_intent.succeeded'): string {
  const metadata = { payment_id: paymentId, attempt: '1', gateway_key: `titan_${paymentId}_1` }
  const object = {
    id: 'pi_1',
    object: 'payment_intent',
    status: 'succeeded',
    amount: 500,
    amount_received: 500,
    currency: 'usd',
    latest_charge: 'ch_1',
    metadata,
  }
  return JSON.stringify({ id: 'evt_1', object: 'event', type, data: { object } })
}

test('a success that comes late by webhook ends a payment whose outcome is unknown', async () => {
  const gateway = await openGateway('late_success@100')
  const id = await gateway.charge('late')

  await eventually(async () => {
    expect(await statusOf(id)).toBe('SUCCESS')
  })

  expect((await api.store.events(id)).at(-1)).toMatchObject({
    type: 'payment.succeeded',
    actor: 'webhook:stripe',
  })
  const ledger = (await (await fetch(`${gateway.url}/_ledger`)).json()) as { charges: unknown[] }
  expect(ledger.charges).toHaveLength(1)
})

// F57 webhooks early, late, twice, badly signed, old, of others: one transition; bad ones are refused
test('copies of a webhook have the effect of one', async () => {
  const gateway = await openGateway('500_after')
  const id = await gateway.charge('copies')
  expect(await statusOf(id)).toBe('PROCESSING')

  await gateway.send(id, 3)
  await gateway.send(id, 2)

  expect(await statusOf(id)).toBe('SUCCESS')
  const types = (await api.store.events(id)).map(({ type }) => type)
  expect(types.filter((type) => type === 'payment.succeeded')).toHaveLength(1)
})

// F57
test('a webhook that is badly signed, too old or unsigned is refused and changes nothing', async () => {
  const gateway = await openGateway('500_after')
  const id = await gateway.charge('forged')
  const body = eventOf(id)
  const unsigned = await api.request('/gateway-webhooks/stripe', { method: 'POST', body })
  const refused = [
    await post(body, { secret: 'whsec_another' }),
    await post(body, { at: Date.now() - 600_000 }),
    unsigned,
  ]

  for (const response of refused) {
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ code: 'gateway-webhook-refused' })
  }
  expect(await statusOf(id)).toBe('PROCESSING')
  expect((await post(body)).status).toBe(200)
  expect(await statusOf(id)).toBe('SUCCESS')
})

test('events of other types, and about what is not ours, are acknowledged and change nothing', async () => {
  const gateway = await openGateway('500_after')
  const id = await gateway.charge('ignored')
  const events = [
    eventOf(id, 'charge.refunded'),
    eventOf('pay_01a20d770e8b7c218847b6a6fbcd2f33'),
    JSON.stringify({
      id: 'evt_2',
      object: 'event',
      type: 'payment_intent.succeeded',
      data: { object: { id: 'pi_2' } },
    }),
  ]

  for (const event of events) {
    const response = await post(event)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ received: true })
  }
  expect(await statusOf(id)).toBe('PROCESSING')
})

test('a gateway without a signing secret has no webhooks here', async () => {
  const plain = await openTestApi()
  onTestFinished(plain.close)

  expect((await post(eventOf('pay_1'), { to: plain })).status).toBe(404)
  expect((await post(eventOf('pay_1'), { gateway: 'simulated' })).status).toBe(404)
})

test('a body larger than any webhook is refused', async () => {
  const response = await post(JSON.stringify({ padding: 'a'.repeat(300_000) }))

  expect(response.status).toBe(413)
})

test('nothing is acknowledged while PostgreSQL is away', async () => {
  const proxies: TcpProxy[] = []
  const behind = await openTestApi({
    gatewaySecrets,
    through: async (url) => {
      const proxy = await startTcpProxy(url)
      proxies.push(proxy)
      return proxy.through(url)
    },
  })
  onTestFinished(async () => {
    await behind.close()
    for (const proxy of proxies) await proxy.close()
  })
  for (const proxy of proxies) await proxy.set({ type: 'refuse' })

  expect((await post(eventOf('pay_01a20d770e8b7c218847b6a6fbcd2f33'), { to: behind })).status).toBe(503)
})

test('a webhook that a module reads in a promise is applied; one that it cannot read is sent again', async () => {
  const { payment_id: paymentId } = (await (
    await api.pay({ amount: 500, idempotency_key: 'read-later' })
  ).json()) as { readonly payment_id: string }
  const send = (body: string) => api.request('/gateway-webhooks/acme', { method: 'POST', body })
  const fault = { type: 'REFUSED', cause: 'bad_signature', reason: 'no' }
  expect((await send(JSON.stringify(fault))).status).toBe(400)
  const dispute = { gatewayRef: 'du_1', chargeRef: 'ch_1', amount: 500, currency: 'USD', at: new Date() }
  const said = { kind: 'dispute', gatewayKey: `titan_${paymentId}_1`, status: 'lost', ...dispute }
  const event = { type: 'DISPUTE', eventId: '1', eventType: 'dispute', dispute: said, saidAt: new Date() }
  expect((await send(JSON.stringify(event))).status).toBe(200)
  expect(await api.store.disputes(paymentId)).toMatchObject([{ id: 'du_1' }])
  for (const body of ['no event', 'null', '{}', '{"type":"SUCCEEDED"}', '{"type":"BATCH","items":[null]}'])
    expect((await send(body)).status).toBe(500)
})
