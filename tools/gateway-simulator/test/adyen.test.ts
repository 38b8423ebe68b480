import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { eventually } from '@titan/testkit'
import { signatureOf } from '../src/adyen/webhook.ts'
import { readLedger } from '../src/index.ts'
import { startReceiver, startSimulator } from './support/rig.ts'

/** The key and the item of the SDK's own test vectors. */
const KEY = 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00'
const ITEM = {
  eventCode: 'REPORT_AVAILABLE',
  pspReference: 'pspReference',
  originalReference: 'originalReference',
  merchantReference: 'reference',
  amount: { value: 1000, currency: 'EUR' },
  success: true,
} as const

async function post(url: string, path: string, body: object, key: string | null) {
  const headers = {
    'x-api-key': 'AQE_1',
    'content-type': 'application/json',
    ...(key !== null && { 'idempotency-key': key }),
  }
  const response = await fetch(`${url}/v72${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body: answer }
}

const payment = (reference: string, given: object = {}) => ({
  merchantAccount: 'TitanTest',
  reference,
  amount: { value: 500, currency: 'EUR' },
  paymentMethod: { type: 'scheme', storedPaymentMethodId: 'pm_card_visa' },
  returnUrl: 'https://shop.example/',
  ...given,
})

test('items are signed as the SDK’s own vectors are', () => {
  expect(signatureOf(ITEM, 'merchantAccount', KEY)).toBe('ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE=')
  const without = createHmac('sha256', Buffer.from(KEY, 'hex'))
    .update('pspReference::merchantAccount:reference:1000:EUR:REPORT_AVAILABLE:true')
    .digest('base64')
  const { originalReference: _, ...item } = ITEM
  expect(signatureOf(item, 'merchantAccount', KEY)).toBe(without)
})

test('a key is answered from what is stored, and charges once', async () => {
  const simulator = await startSimulator()
  const first = await post(simulator.url, '/payments', payment('titan_pay_1_1'), 'k1')
  expect(first).toMatchObject({
    status: 200,
    body: { resultCode: 'Authorised', merchantReference: 'titan_pay_1_1' },
  })
  expect((await post(simulator.url, '/payments', payment('titan_pay_1_1'), 'k1')).body).toEqual(first.body)
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([
    { reference: 'pay_1', amount: 500 },
  ])
})

test('a capture of more than was authorized is received, and refused by webhook', async () => {
  const { url, received } = await startReceiver()
  const simulator = await startSimulator({ webhook: { url, secret: KEY, dialect: 'adyen' } })
  const manual = payment('titan_pay_1_1-auth', { additionalData: { manualCapture: 'true' } })
  const { body } = await post(simulator.url, '/payments', manual, 'k1')
  const path = `/payments/${String(body['pspReference'])}/captures`
  const capture = {
    merchantAccount: 'TitanTest',
    reference: 'titan_cap_1_1',
    amount: { value: 900, currency: 'EUR' },
  }
  expect(await post(simulator.url, path, capture, 'k2')).toMatchObject({
    status: 201,
    body: { status: 'received' },
  })
  await eventually(() => received.length === 2)
  const items = received.map(({ body: text }) => JSON.parse(text) as { notificationItems: unknown[] })
  expect(items.flatMap(({ notificationItems }) => notificationItems)).toMatchObject([
    {
      NotificationRequestItem: {
        eventCode: 'AUTHORISATION',
        success: 'true',
        merchantReference: 'titan_pay_1_1-auth',
      },
    },
    {
      NotificationRequestItem: { eventCode: 'CAPTURE', success: 'false', merchantReference: 'titan_cap_1_1' },
    },
  ])
})

test('errors have Adyen’s shape, and say whether to repeat', async () => {
  const simulator = await startSimulator({ secretKey: 'AQE_1' })
  await simulator.order({ behaviours: ['409', '503', 'invalid:amount'] })
  const answers = []
  for (const key of ['a', 'b', 'c']) answers.push(await post(simulator.url, '/payments', payment('r'), key))
  expect(
    answers.map(({ status, body, headers }) => [status, body['errorCode'], headers.get('transient-error')]),
  ).toEqual([
    [422, '704', 'true'],
    [503, '703', 'true'],
    [422, '130', null],
  ])
  const other = await startSimulator({ secretKey: 'AQE_other' })
  expect((await post(other.url, '/payments', payment('r'), null)).status).toBe(401)
})

test('what came back with the customer tells how the payment is', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['action'] })
  const { body } = await post(simulator.url, '/payments', payment('titan_pay_1_1'), 'k1')
  const { url } = body['action'] as { readonly url: string }
  const answer = await fetch(url, { method: 'POST', body: 'result=complete', redirect: 'manual' })
  const redirectResult = new URL(answer.headers.get('location') ?? '').searchParams.get('redirectResult')
  const details = await post(simulator.url, '/payments/details', { details: { redirectResult } }, null)
  expect(details.body).toMatchObject({ resultCode: 'Authorised', pspReference: body['pspReference'] })
})
