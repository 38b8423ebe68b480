import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { signatureHeader, type GatewaySimulator, type Order } from '@titan/gateway-simulator'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import type { Gateway, GatewayWebhook } from '../../src/index.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'
import { movementOf } from '../support/stripe-fake.ts'

const secret = 'whsec_titan'

/** A simulator whose webhooks are read by the gateway, as they come. */
async function startWithWebhooks(): Promise<{
  readonly simulator: GatewaySimulator
  readonly gateway: Gateway
  readonly read: GatewayWebhook[]
}> {
  const read: GatewayWebhook[] = []
  let gateway: Gateway | undefined
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const signature = request.headers['stripe-signature']
      const webhook = gateway?.parseWebhook?.(Buffer.concat(chunks), String(signature))
      if (webhook !== undefined && !(webhook instanceof Promise)) read.push(webhook)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const simulator = await startSimulator({ webhook: { url, secret } })
  gateway = stripeAt(simulator.url, { webhookSecret: secret })
  return { simulator, gateway, read }
}

async function webhooksOf(order: Order, count: number): Promise<GatewayWebhook[]> {
  const { simulator, gateway, read } = await startWithWebhooks()
  await simulator.order(order)
  await charge(gateway, attemptOf('pay_1', { attemptNo: 2 }))
  await eventually(() => read.length >= count)
  return read
}

test('a success names the attempt and what was charged', async () => {
  const [webhook] = await webhooksOf({ behaviours: ['ok'] }, 1)
  expect(webhook).toMatchObject({
    type: 'EVENT',
    eventType: 'payment_intent.succeeded',
    paymentId: 'pay_1',
    attemptNo: 2,
    outcome: { type: 'SUCCEEDED', amount: 500, currency: 'USD' },
  })
})

test('a decline comes with its code and kind', async () => {
  const [webhook] = await webhooksOf({ behaviours: ['decline:expired_card'] }, 1)
  expect(webhook).toMatchObject({ outcome: { type: 'DECLINED', code: 'expired_card', kind: 'hard' } })
})

test('a wrong amount is told as it is', async () => {
  const [webhook] = await webhooksOf({ behaviours: ['wrong_amount'] }, 1)
  expect(webhook).toMatchObject({ outcome: { type: 'SUCCEEDED', amount: 501 } })
})

test('copies have the same event id', async () => {
  const webhooks = await webhooksOf({ behaviours: ['ok'], webhook: { copies: 2 } }, 2)
  expect(
    new Set(webhooks.map((webhook) => (webhook.type === 'EVENT' ? webhook.eventId : undefined))).size,
  ).toBe(1)
})

test('a pending charge and its end are two outcomes, in whatever order they come', async () => {
  const webhooks = await webhooksOf({ behaviours: ['pending_then:ok@20'], webhook: { reversed: true } }, 2)
  expect(webhooks.map((webhook) => (webhook.type === 'EVENT' ? webhook.outcome.type : undefined))).toEqual([
    'SUCCEEDED',
    'PENDING',
  ])
})

test('a bad signature and an old one are refused', async () => {
  const { simulator, read } = await startWithWebhooks()
  await simulator.sendWebhook({ payment: 'pay_1', badSignature: true })
  await simulator.sendWebhook({ payment: 'pay_1', ageMs: 600_000 })
  expect(read).toMatchObject([
    { type: 'REFUSED', cause: 'bad_signature', reason: expect.stringContaining('No signatures found') },
    { type: 'REFUSED', cause: 'too_old', reason: expect.stringContaining('tolerance') },
  ])
})

test.each([
  ['no header', '{}', () => undefined, 'no_signature'],
  ['an empty header', '{}', () => '', 'no_signature'],
  ['a header that cannot be read', '{}', () => 'nonsense', 'no_signature'],
  ['another scheme', '{}', () => 't=1,v0=aa', 'no_signature'],
  [
    'another secret',
    '{}',
    (body: string) => signatureHeader(body, 'whsec_another', Date.now()),
    'bad_signature',
  ],
  [
    'an old signature',
    '{}',
    (body: string) => signatureHeader(body, secret, Date.now() - 600_000),
    'too_old',
  ],
  ['a thin event', '{"object":"v2.core.event","id":"evt_1","type":"v1.x"}', undefined, 'thin_event'],
  ['no JSON', 'nonsense', undefined, 'not_an_event'],
  ['another shape', '{"id":5}', undefined, 'not_an_event'],
  // F109 webhooks of a gateway that are refused for different reasons: the reason is in the log, the metric and
  //  the answer; a signing secret that is too short is refused at the start
])('why a webhook was refused is said: %s', (_case, body, headerOf, cause) => {
  const gateway = stripeAt('http://127.0.0.1:1', { webhookSecret: secret })
  const header = headerOf === undefined ? signatureHeader(body, secret, Date.now()) : headerOf(body)
  expect(gateway.parseWebhook?.(body, header)).toMatchObject({ type: 'REFUSED', cause })
})

test('a signature that is four minutes old is taken', async () => {
  const { simulator, read } = await startWithWebhooks()
  await simulator.sendWebhook({ payment: 'pay_1', ageMs: 240_000 })
  expect(read).toMatchObject([{ type: 'IGNORED' }])
})

test('an event about a payment that is not ours, or not about a charge, is ignored', async () => {
  const { simulator, gateway, read } = await startWithWebhooks()
  await simulator.sendWebhook({ payment: 'pay_of_somebody_else' })
  await charge(gateway, attemptOf('pay_1'))
  await eventually(() => read.length === 2)
  await simulator.sendWebhook({ payment: 'pay_1', type: 'payment_intent.created' })
  expect(read.map(({ type }) => type)).toEqual(['IGNORED', 'EVENT', 'IGNORED'])
})

test('an event that names a key of another attempt is ignored', async () => {
  const { simulator, read } = await startWithWebhooks()
  const metadata = { payment_id: 'pay_1', attempt: '1', gateway_key: 'titan_pay_2_1' }
  await simulator.sendWebhook({ payment: 'pay_1', intent: { metadata } })
  expect(read).toMatchObject([{ type: 'IGNORED' }])
})

test('a body that was changed, is empty or is no JSON is refused', async () => {
  const gateway = stripeAt('http://127.0.0.1:1', { webhookSecret: secret })
  const body = '{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{}}}'
  const signature = signatureHeader(body, secret, Date.now())
  const parse = async (text: string, header: string | undefined): Promise<string | undefined> =>
    (await gateway.parseWebhook?.(text, header))?.type
  expect(await parse(body, signature)).toBe('IGNORED')
  expect(await parse(body.replace('evt_1', 'evt_2'), signature)).toBe('REFUSED')
  expect(await parse(body, undefined)).toBe('REFUSED')
  expect(await parse('', signature)).toBe('REFUSED')
  for (const text of ['nonsense', 'null', '5', '{"type":"payment_intent.succeeded"}'])
    expect(await parse(text, signatureHeader(text, secret, Date.now()))).toBe('REFUSED')
})

test('without a secret no webhooks are read', () => {
  expect(stripeAt('http://127.0.0.1:1').parseWebhook).toBeUndefined()
})

test('a capture and a refund of ours name themselves, one in the dashboard names the charge', async () => {
  const { simulator, gateway, read } = await startWithWebhooks()
  const signal = new AbortController().signal
  const authorized = await charge(gateway, attemptOf('pay_1', { capture: 'manual' }))
  const chargeRef = authorized.type === 'AUTHORIZED' ? authorized.gatewayRef : ''
  await gateway.move?.(movementOf('capture', { chargeRef, amount: 400 }), { signal })
  await gateway.move?.(movementOf('refund', { chargeRef, amount: 100 }), { signal })
  const body = new URLSearchParams({ payment_intent: chargeRef, amount: '50' })
  const headers = { authorization: 'Bearer sk_test_titan' }
  await fetch(`${simulator.url}/v1/refunds`, { method: 'POST', headers, body })
  const told = () => read.filter(({ type }) => type === 'EVENT' || type === 'MOVEMENT')
  await eventually(() => told().length === 4)
  expect(told()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        type: 'EVENT',
        paymentId: 'pay_1',
        outcome: expect.objectContaining({ type: 'AUTHORIZED' }) as unknown,
      }),
      expect.objectContaining({
        type: 'EVENT',
        paymentId: 'cap_1',
        outcome: expect.objectContaining({ type: 'SUCCEEDED', amount: 400 }) as unknown,
      }),
      expect.objectContaining({
        type: 'EVENT',
        paymentId: 'ref_1',
        outcome: expect.objectContaining({ type: 'SUCCEEDED', amount: 100 }) as unknown,
      }),
      expect.objectContaining({ type: 'MOVEMENT', kind: 'refund', chargeRef, amount: 50 }),
    ]),
  )
})

test('a void is told as a movement of the charge', async () => {
  const { gateway, read } = await startWithWebhooks()
  const signal = new AbortController().signal
  const authorized = await charge(gateway, attemptOf('pay_1', { capture: 'manual' }))
  const chargeRef = authorized.type === 'AUTHORIZED' ? authorized.gatewayRef : ''
  await gateway.move?.(movementOf('void', { chargeRef }), { signal })
  const told = () => read.find(({ type }) => type === 'MOVEMENT')
  await eventually(() => told() !== undefined)
  const chargeKey = 'titan_pay_1_1'
  expect(told()).toMatchObject({ kind: 'void', chargeKey, chargeRef, amount: 500, currency: 'USD' })
})
