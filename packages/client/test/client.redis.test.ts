import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@titan/testkit'
import { afterAll, expect, it } from 'vitest'
import { createTitanClient, verifyWebhook, type WebhookPayload } from '../src/index.ts'
import { startApi } from './support/api.ts'
import { openFaultProxy, type FaultKind } from './support/faults.ts'

/** Verifies what is sent to it, with the secret that the API gives when the endpoint is created. */
const received: WebhookPayload[] = []
let secret = ''
const receiver = createServer((request, response) => {
  void readBody(request).then((body) => {
    received.push(verifyWebhook(request.headers, body, secret).event)
    response.writeHead(204).end()
  })
})
await new Promise<void>((resolve) => {
  receiver.listen(0, '127.0.0.1', resolve)
})
afterAll(() => receiver.close())
const { port } = receiver.address() as AddressInfo

async function readBody(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat((await request.toArray()) as Buffer[])
}

// With a worker: its simulated gateway answers at once.
const { url, apiKey } = await startApi({ WEBHOOK_ALLOWED_PORTS: String(port), GATEWAY_SUCCESS_RATE: '1' })
const titan = createTitanClient({ baseUrl: url, apiKey })

it('pays, waits for the end, refunds, and gets the webhooks of both', async () => {
  const endpoint = await titan.webhookEndpoints.create({ url: `http://127.0.0.1:${port}/hook` })
  secret = endpoint.secret
  const { payment_id: id } = await titan.pay({ amount: 500, reference: 'order-1', metadata: { cart: '17' } })
  expect(await titan.payments.waitForEnd(id)).toMatchObject({
    status: 'SUCCESS',
    amount: 500,
    amount_captured: 500,
  })
  const { refund_id: refund } = await titan.payments.refund(id, { amount: 200 })
  expect(await titan.refunds.waitForEnd(refund)).toMatchObject({ status: 'SUCCESS', amount: 200 })

  expect((await titan.refunds.listOf(id)).data).toHaveLength(1)
  expect((await titan.payments.list({ metadata: 'cart=17' })).data.map((found) => found.payment_id)).toEqual([
    id,
  ])
  expect((await titan.payments.events(id)).data.map(({ type }) => type)).toContain('payment.succeeded')
  await eventually(() => {
    expect(received.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['payment.succeeded', 'refund.succeeded']),
    )
  })
})

it('captures, voids and cancels', async () => {
  const authorized = async (key: string): Promise<string> => {
    const { payment_id: id } = await titan.pay({ amount: 500, capture: 'manual', idempotency_key: key })
    await eventually(async () => (await titan.payments.get(id)).status_detail === 'AWAITING_CAPTURE')
    return id
  }
  const { capture_id: capture } = await titan.payments.capture(await authorized('to-capture'), {
    amount: 300,
  })
  expect(await titan.captures.waitForEnd(capture)).toMatchObject({ status: 'SUCCESS', amount: 300 })
  const { void_id: released } = await titan.payments.void(await authorized('to-void'))
  expect((await titan.voids.waitForEnd(released)).status).toBe('SUCCESS')
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const { payment_id: planned } = await titan.pay({ amount: 5, execute_at: later })
  await expect(titan.payments.waitForEnd(planned, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
  })
  expect(await titan.payments.cancel(planned)).toMatchObject({
    status: 'FAILED',
    failure: { code: 'canceled' },
  })
})

it('iterates over all pages once, and stops where the loop stops', async () => {
  const keys = Array.from({ length: 7 }, (_, index) => `page-${index}`)
  for (const key of keys) await titan.pay({ amount: 77, idempotency_key: key })
  const query = { min_amount: 77, max_amount: 77, limit: 3 }
  const found: string[] = []
  for await (const { payment_id: id } of titan.payments.listAll(query)) found.push(id)
  expect(found).toHaveLength(7)
  expect(new Set(found).size).toBe(7)
  for await (const { payment_id: id } of titan.payments.listAll(query)) {
    expect(id).toBe(found[0])
    break
  }
})

// F284 a signal that aborts before a request, during it, in the middle of a body, in a pause or in a wait: its reason, at once
it.each<[stage: string, kind: FaultKind | undefined, at: 'request' | 'response']>([
  ['while the request is on its way', 'silence', 'request'],
  ['in the middle of the body', 'half and silence', 'response'],
  ['in the pause before a repeat', '429 later', 'request'],
])('is cancelled by a signal %s', async (_stage, kind, at) => {
  const script = Array.from({ length: 20 }, () => ({ kind: kind as FaultKind, at }))
  const client = createTitanClient({ baseUrl: await openFaultProxy(url, script), apiKey })
  const controller = new AbortController()
  const reason = new Error('the customer went away')
  const paying = client.pay({ amount: 5 }, { signal: controller.signal })
  await eventually(() => script.length < 20)
  setTimeout(() => controller.abort(reason), 100)
  await expect(paying).rejects.toBe(reason)
  const sent = script.length
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(script).toHaveLength(sent)
})

it('is cancelled by a signal in a wait and in a list, and sends nothing with one that is aborted', async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const { payment_id: planned } = await titan.pay({ amount: 5, execute_at: later })
  const controller = new AbortController()
  const reason = new Error('the customer went away')
  const waiting = titan.payments.waitForEnd(planned, { signal: controller.signal })
  setTimeout(() => controller.abort(reason), 100)
  await expect(waiting).rejects.toBe(reason)
  await expect(titan.payments.listAll({}, { signal: controller.signal }).next()).rejects.toBe(reason)
  await expect(titan.pay({ amount: 5 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
