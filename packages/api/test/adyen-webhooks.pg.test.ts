import { adyenNotification, type GatewaySimulatorOptions, type Order } from '@titan/gateway-simulator'
import { createPaymentHandler, type Gateway, type RetryPolicy } from '@titan/payments'
import { eventually } from '@titan/testkit'
import { afterAll, expect, test } from 'vitest'
import { adyenAt, HMAC_KEY } from '../../payments/test/support/adyen.ts'
import { startSimulator } from '../../payments/test/support/simulator.ts'
import { startServer } from '../src/server.ts'
import { openTestApi } from './support/api.ts'

const login = 'titan:of the tests'
const gatewaySecrets = {
  ADYEN_HMAC_KEY: HMAC_KEY,
  ADYEN_MERCHANT_ACCOUNT: 'TitanTest',
  ADYEN_WEBHOOK_LOGIN: login,
}
const api = await openTestApi({ gatewaySecrets })
const server = await startServer({ fetch: api.fetch, host: '127.0.0.1', port: 0 })
afterAll(async () => {
  await server.drain(0)
  await api.close()
})

const webhook = {
  url: `${server.url}/gateway-webhooks/adyen`,
  secret: HMAC_KEY,
  dialect: 'adyen',
  login,
} as const satisfies GatewaySimulatorOptions['webhook']
const authorization = `Basic ${Buffer.from(login).toString('base64')}`

/** A worker at a simulator that speaks Adyen's dialect. */
async function openAdyen(order?: Order) {
  const simulator = await startSimulator({ webhook })
  if (order !== undefined) await simulator.order(order)
  const gateway = adyenAt(simulator.url)
  return { simulator, gateway, work: worker(gateway) }
}

function worker(gateway: Gateway, policy: Partial<RetryPolicy> = {}) {
  const pay = createPaymentHandler({ store: api.store, gateway, policy })
  // An outcome that is unknown asks for another try.
  return (id: string) =>
    pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => {})
}

async function accept(given: object): Promise<string> {
  const response = await api.pay({ amount: 500, currency: 'EUR', ...given })
  return ((await response.json()) as { payment_id: string }).payment_id
}

async function askFor(path: string, body: object): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/json' }
  const response = await api.request(path, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(response.status).toBe(202)
  return (await response.json()) as Record<string, string>
}

async function statusOf(id: string): Promise<unknown> {
  return (await api.store.get(id))?.status
}

type Item = Parameters<typeof adyenNotification>[0][number]

/** Posts items as Adyen does. */
function post(
  items: readonly Item[],
  headers: Record<string, string> = { authorization },
  now = Date.now(),
): Promise<Response> {
  const signing = { merchantAccount: 'TitanTest', hmacKey: HMAC_KEY, now }
  const body = JSON.stringify(adyenNotification(items, signing))
  return api.request('/gateway-webhooks/adyen', { method: 'POST', headers, body })
}

function itemOf(id: string, given: Partial<Item> = {}): Item {
  return {
    eventCode: 'AUTHORISATION',
    pspReference: `PSP${id.slice(-12).toUpperCase()}`,
    merchantReference: `titan_${id}_1`,
    amount: { value: 500, currency: 'EUR' },
    success: true,
    ...given,
  }
}

test('an unknown charge is ended by its webhook, once for all copies', async () => {
  const { work } = await openAdyen({ behaviours: ['reset_after'], webhook: { copies: 2, delayMs: 50 } })
  const id = await accept({ idempotency_key: 'late' })
  await work(id)
  await eventually(async () => expect(await statusOf(id)).toBe('SUCCESS'))
  const types = (await api.store.events(id)).map(({ type, actor }) => `${type} ${actor}`)
  expect(types.filter((type) => type === 'payment.succeeded webhook:adyen')).toHaveLength(1)
})

test('a capture and a refund wait for their webhooks', async () => {
  const { work } = await openAdyen({ behaviours: ['ok'], on: 'capture', webhook: { delayMs: 100 } })
  const id = await accept({ idempotency_key: 'manual', capture: 'manual' })
  await work(id)
  expect(await api.store.get(id)).toMatchObject({ status: 'PROCESSING', waitsFor: 'capture' })

  const { capture_id: captureId = '' } = await askFor(`/payments/${id}/capture`, { idempotency_key: 'c' })
  await work(captureId)
  await eventually(async () => expect(await statusOf(id)).toBe('SUCCESS'))
  expect((await api.store.events(captureId)).map(({ type }) => type)).toContain('capture.waiting')

  const { refund_id: refundId = '' } = await askFor(`/payments/${id}/refunds`, {
    idempotency_key: 'r',
    amount: 200,
  })
  await work(refundId)
  await eventually(async () => expect(await statusOf(refundId)).toBe('SUCCESS'))
})

test('a void ends its authorization', async () => {
  const { work } = await openAdyen()
  const id = await accept({ idempotency_key: 'voided', capture: 'manual' })
  await work(id)
  const { void_id: voidId = '' } = await askFor(`/payments/${id}/void`, { idempotency_key: 'v' })
  await work(voidId)
  await eventually(async () => expect(await statusOf(id)).toBe('FAILED'))
})

test('a refund that fails after its success is a contradiction', async () => {
  const { work } = await openAdyen({ behaviours: ['late_failure:declined@50'], on: 'refund' })
  const id = await accept({ idempotency_key: 'refund-fails' })
  await work(id)
  const { refund_id: refundId = '' } = await askFor(`/payments/${id}/refunds`, { idempotency_key: 'r' })
  await work(refundId)
  await eventually(async () => expect(await api.store.breaks(id)).toMatchObject([{ kind: 'refund_failed' }]))
  expect(await statusOf(refundId)).toBe('SUCCESS')
})

test.each([
  ['action_then:ok', 'SUCCESS'],
  ['action_then:fail', 'FAILED'],
])('a customer who is asked and answers %s ends it with %s', async (behaviour, status) => {
  const { work } = await openAdyen({ behaviours: [`${behaviour}@100`] })
  const asked = { customer_present: true, return_url: 'https://shop.example/back' }
  const id = await accept({ idempotency_key: behaviour, ...asked })
  await work(id)
  expect(await api.store.get(id)).toMatchObject({ waitsFor: 'customer' })
  await eventually(async () => expect(await statusOf(id)).toBe(status))
})

test.each([
  ['OFFER_CLOSED', true, 'FAILED'],
  ['AUTHORISATION', false, 'FAILED'],
  // The customer came back after all.
  ['AUTHORISATION', true, 'SUCCESS'],
] as const)('what a customer left goes to review, and %s with success %s ends it there', async (...given) => {
  const [eventCode, success, status] = given
  const { gateway } = await openAdyen({ behaviours: ['action_then:ok@600000'] })
  const work = worker(gateway, { customerActionTimeoutMs: 1 })
  const asked = { customer_present: true, return_url: 'https://shop.example/back' }
  const id = await accept({ idempotency_key: `left-${eventCode}-${success}`, ...asked })
  await work(id)
  await eventually(async () => {
    await work(id)
    expect(await api.store.get(id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  })
  const { gatewayRef } = (await api.store.get(id)) ?? {}
  const item = itemOf(id, { eventCode, success, pspReference: gatewayRef ?? '' })
  for (let copy = 0; copy < 2; copy++) expect((await post([item])).status).toBe(202)
  expect(await api.store.get(id)).toMatchObject({ status, needsReview: false })
})

test('a charge that comes back after its success is a contradiction, and stays a success', async () => {
  const { work } = await openAdyen()
  const id = await accept({ idempotency_key: 'comes-back' })
  await work(id)
  const { gatewayRef } = (await api.store.get(id)) ?? {}
  const back = itemOf(id, { eventCode: 'CAPTURE_FAILED', originalReference: gatewayRef ?? '' })
  for (let copy = 0; copy < 2; copy++) expect((await post([back])).status).toBe(202)
  expect(await statusOf(id)).toBe('SUCCESS')
  expect(await api.store.breaks(id)).toMatchObject([{ kind: 'status_mismatch', reference: gatewayRef }])
  const other = itemOf(id, { eventCode: 'CAPTURE_FAILED', originalReference: 'ANOTHER' })
  await post([other])
  expect(await api.store.breaks(id)).toHaveLength(1)
})

test('a dispute is on record, with its last word whatever order and copies it comes in', async () => {
  const { simulator, work } = await openAdyen()
  const id = await accept({ idempotency_key: 'disputed', capture: 'manual' })
  await work(id)
  const { capture_id: captureId = '' } = await askFor(`/payments/${id}/capture`, { idempotency_key: 'c' })
  await work(captureId)
  await eventually(async () => expect(await statusOf(id)).toBe('SUCCESS'))

  await simulator.dispute({ payment: id, amount: 300 })
  await eventually(async () =>
    expect(await api.store.get(id)).toMatchObject({ status: 'SUCCESS', disputeStatus: 'needs_response' }),
  )
  const [{ id: pspReference, chargeRef } = { id: '', chargeRef: '' }] = await api.store.disputes(id)
  expect(chargeRef).toBe((await api.store.get(id))?.gatewayRef)
  await simulator.dispute({ payment: id, status: 'lost' })
  await eventually(async () => expect(await api.store.get(id)).toMatchObject({ disputeStatus: 'lost' }))

  const said = { pspReference, originalReference: chargeRef, amount: { value: 300, currency: 'EUR' } }
  const earlier = itemOf(id, { ...said, eventCode: 'CHARGEBACK_REVERSED' })
  const copy = itemOf(id, { ...said, eventCode: 'SECOND_CHARGEBACK' })
  for (const item of [earlier, copy])
    expect((await post([item], { authorization }, Date.now() - 60_000)).status).toBe(202)
  expect(await api.store.disputes(id)).toMatchObject([
    { status: 'lost', amount: 300, currency: 'EUR', reason: 'fraudulent' },
  ])
  expect(
    (await api.store.events(id)).map(({ type }) => type).filter((type) => type.startsWith('dispute')),
  ).toEqual(['dispute.opened', 'dispute.closed'])
})

test('each item of one body counts, and the answer is the word that Adyen expects', async () => {
  const { work } = await openAdyen({ behaviours: ['500_before', '500_before', '500_before'] })
  const ids = [await accept({ idempotency_key: 'one' }), await accept({ idempotency_key: 'two' })]
  for (const id of ids) await work(id)
  const items = ids.map((id, index) => itemOf(id, { success: index === 0, reason: '6:Expired Card' }))
  const response = await post([...items, itemOf('pay_unknown', { eventCode: 'REPORT_AVAILABLE' })])
  expect(response.status).toBe(202)
  expect(await response.text()).toBe('[accepted]')
  expect(await Promise.all(ids.map(statusOf))).toEqual(['SUCCESS', 'FAILED'])
})

test('a body without the login, or with one item that is not signed, changes nothing', async () => {
  const { work } = await openAdyen({ behaviours: ['500_before'] })
  const id = await accept({ idempotency_key: 'forged' })
  await work(id)
  expect((await post([itemOf(id)], {})).status).toBe(400)
  const signing = { merchantAccount: 'TitanTest', hmacKey: '00'.repeat(32), now: Date.now() }
  const forged = JSON.stringify(adyenNotification([itemOf(id)], signing))
  const init = { method: 'POST', headers: { authorization }, body: forged }
  expect((await api.request('/gateway-webhooks/adyen', init)).status).toBe(400)
  expect(await statusOf(id)).toBe('PROCESSING')
})

test.each([true, false])(
  'a movement of ours that a webhook names by Adyen’s id alone ends: %s',
  async (success) => {
    const { work } = await openAdyen({ behaviours: ['ok'], on: 'refund', webhook: { skip: true } })
    const id = await accept({ idempotency_key: `named-${success}` })
    await work(id)
    const { refund_id: refundId = '' } = await askFor(`/payments/${id}/refunds`, { idempotency_key: 'r' })
    await work(refundId)
    const { gatewayRef: pspReference = '' } = (await api.store.movement(refundId)) ?? {}
    const { gatewayRef: originalReference = '' } = (await api.store.get(id)) ?? {}
    const named = { eventCode: 'REFUND', pspReference, originalReference, success } as const
    await post([
      itemOf(id, { ...named, pspReference: pspReference ?? '', originalReference: originalReference ?? '' }),
    ])
    expect(await statusOf(refundId)).toBe(success ? 'SUCCESS' : 'FAILED')
    expect(await api.store.movements(id)).toHaveLength(1)
  },
)

test('a movement that names its charge by Adyen’s id of it alone is recorded, and one that names none changes nothing', async () => {
  const { work } = await openAdyen()
  const id = await accept({ idempotency_key: 'by-reference' })
  await work(id)
  const { gatewayRef } = (await api.store.get(id)) ?? {}
  const named = { eventCode: 'REFUND', merchantReference: 'made by hand' } as const
  expect((await post([itemOf(id, { ...named, pspReference: 'NOBODYKNOWS' })])).status).toBe(202)
  expect(await api.store.movements(id)).toEqual([])
  expect((await post([itemOf(id, { ...named, pspReference: gatewayRef ?? '' })])).status).toBe(202)
  expect(await api.store.movements(id)).toMatchObject([{ kind: 'refund', status: 'SUCCESS', amount: 500 }])
})
