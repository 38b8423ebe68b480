import type { Order } from '@titan/gateway-simulator'
import type { ChargeOutcome, Gateway, LookupAnswer } from '@titan/payments'
import { afterAll, expect, test } from 'vitest'
import { adyenAt } from '../../payments/test/support/adyen.ts'
import { createPay } from '../../payments/test/support/pay.ts'
import { startSimulator, stripeAt } from '../../payments/test/support/simulator.ts'
import { openTestApi } from './support/api.ts'

let called: Gateway | undefined
const api = await openTestApi({
  actions: { gateways: { get: (name) => (called?.name === name ? called : undefined) } },
})
afterAll(api.close)
const pay = createPay(api.store)

const THERE = { customer_present: true, return_url: 'https://shop.example/back' }

async function accept(gateway: Gateway, given: object = THERE): Promise<string> {
  called = gateway
  const key = { idempotency_key: crypto.randomUUID() }
  const response = await api.pay({ amount: 500, currency: 'EUR', ...key, ...given })
  const { payment_id: id } = (await response.json()) as { payment_id: string }
  await pay(id, { gateway })
  return id
}

async function send(id: string, result: unknown) {
  const response = await api.request(`/payments/${id}/action`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ result }),
  })
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body }
}

/** Adyen, whose webhooks never come. */
async function openAdyen(order: Order = { behaviours: ['action'], times: null }) {
  const simulator = await startSimulator()
  await simulator.order(order)
  return { simulator, gateway: adyenAt(simulator.url) }
}

/** Answers the bank as the customer; returns what comes back. */
async function answer(id: string, result: 'complete' | 'fail') {
  const { details } = (await api.store.get(id)) ?? {}
  const { nextAction } = details ?? {}
  const url = nextAction?.type === 'redirect' ? nextAction.url : ''
  const back = await fetch(url, { method: 'POST', body: `result=${result}`, redirect: 'manual' })
  const { searchParams } = new URL(back.headers.get('location') ?? '')
  return { redirectResult: searchParams.get('redirectResult') ?? '' }
}

test.each([
  ['complete', 'SUCCESS', {}],
  ['fail', 'FAILED', {}],
  ['complete', 'PROCESSING', { capture: 'manual' }],
] as const)('what came back ends the payment, however often it is sent: %s is %s', async (...given) => {
  const [answered, status, more] = given
  const { gateway } = await openAdyen()
  const id = await accept(gateway, { ...THERE, ...more })
  const result = await answer(id, answered)
  const copies = await Promise.all([send(id, result), send(id, result), send(id, result)])
  for (const copy of copies) expect(copy.status).toBe(200)
  expect(await send(id, result)).toMatchObject({ status: 200, body: { payment_id: id, status } })
  const events = await api.store.events(id)
  const last = /payment\.(succeeded|failed|authorized)/
  expect(events.filter(({ type }) => last.test(type))).toMatchObject([{ actor: 'api' }])
  expect(await api.store.breaks(id)).toEqual([])
  expect(JSON.stringify(events)).not.toContain(result.redirectResult.slice(3))
})

test('the result of another payment is refused, and nothing is recorded', async () => {
  const { gateway } = await openAdyen()
  const [one, other] = [await accept(gateway), await accept(gateway)]
  const events = await api.store.events(one)
  const result = await answer(other, 'complete')
  const refused = { status: 422, body: { code: 'action-result-refused' } }
  expect(await send(one, result)).toMatchObject(refused)
  expect(await send(one, { redirectResult: 'invented' })).toMatchObject(refused)
  expect(await send(one, { payment_intent: 'invented' })).toMatchObject(refused)
  expect(await api.store.events(one)).toEqual(events)
  expect(await send(other, result)).toMatchObject({ body: { status: 'SUCCESS' } })
})

test('after a lost answer, the same result is sent again', async () => {
  const { simulator, gateway } = await openAdyen()
  const id = await accept(gateway)
  const result = await answer(id, 'complete')
  await simulator.order({ behaviours: ['reset_after'], on: 'inquiry' })
  const lost = await send(id, result)
  expect(lost).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  expect(JSON.stringify(lost)).not.toContain(result.redirectResult)
  expect(await send(id, result)).toMatchObject({ status: 200, body: { status: 'SUCCESS' } })
})

test('one that was late finds its payment in review, and decides it', async () => {
  const { gateway } = await openAdyen()
  const id = await accept(gateway)
  const result = await answer(id, 'complete')
  await api.sql`update payments set needs_review = true, waits_for = null, waits_until = null where id = ${id}`
  expect(await send(id, result)).toMatchObject({ body: { status: 'SUCCESS' } })
})

/** A gateway that requires an action, then answers as given. */
function asking(outcomes: readonly ChargeOutcome[]): Gateway {
  const asked = { type: 'REQUIRES_ACTION', gatewayRef: crypto.randomUUID(), expiresAt: null } as const
  const answers = outcomes.map((outcome): LookupAnswer => ({ type: 'FOUND', outcome }))
  return {
    name: 'acme',
    keyTtlMs: 3_600_000,
    charge: async () => ({ ...asked, nextAction: { type: 'redirect', url: 'https://bank.example/1' } }),
    completeAction: async () => answers.shift() ?? { type: 'NOT_FOUND' },
  }
}

test('a further action replaces the first, once', async () => {
  const gatewayRef = crypto.randomUUID()
  const nextAction = { type: 'sdk', clientSecret: '{"type":"threeDS2"}' } as const
  const further = { type: 'REQUIRES_ACTION', gatewayRef, nextAction, expiresAt: null } as const
  const moved = { type: 'SUCCEEDED', gatewayRef, amount: 500, currency: 'EUR' } as const
  const id = await accept(asking([further, further, moved]))
  const shown = { status: 'PROCESSING', next_action: { client_secret: nextAction.clientSecret } }
  expect(await send(id, { redirectResult: 'one' })).toMatchObject({ status: 200, body: shown })
  const events = await api.store.events(id)
  expect(await send(id, { redirectResult: 'one' })).toMatchObject({ status: 200, body: shown })
  expect(await api.store.events(id)).toEqual(events)
  expect(await send(id, { threeDSResult: 'two' })).toMatchObject({ body: { status: 'SUCCESS' } })
})

test('a decline is the last word, and another amount no success', async () => {
  const gatewayRef = crypto.randomUUID()
  const declined = await accept(asking([{ type: 'DECLINED', code: 'refused', kind: 'hard' }]))
  expect(await send(declined, { token: 'a' })).toMatchObject({ body: { status: 'FAILED' } })
  const part = await accept(asking([{ type: 'SUCCEEDED', gatewayRef, amount: 300, currency: 'EUR' }]))
  const inReview = { status: 'PROCESSING', status_detail: 'IN_REVIEW' }
  expect(await send(part, { token: 'a' })).toMatchObject({ body: inReview })
})

test('there is nothing to send without an action, a gateway, or one that needs it', async () => {
  const simulator = await startSimulator()
  const plain = await accept(stripeAt(simulator.url), {})
  expect(await send(plain, { a: 'b' })).toMatchObject({ status: 409, body: { code: 'invalid-state' } })
  await simulator.order({ behaviours: ['action'] })
  const id = await accept(stripeAt(simulator.url))
  expect(await send(id, { a: 'b' })).toMatchObject({ status: 422, body: { code: 'action-not-taken' } })
  called = undefined
  expect(await send(id, { a: 'b' })).toMatchObject({ status: 422, body: { code: 'action-not-taken' } })
})

test.each([
  ['nothing', {}, 'validation-failed'],
  ['a number', { redirectResult: 1 }, 'validation-failed'],
  ['an empty text', { redirectResult: '' }, 'validation-failed'],
  ['a list', ['a'], 'validation-failed'],
  ['many', Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`a${at}`, 'b'])), 'validation-failed'],
  ['a card number', { redirectResult: '4111 1111 1111 1111' }, 'card-data-not-allowed'],
  ['more than a body holds', { redirectResult: 'a'.repeat(17_000) }, 'body-too-large'],
])('%s is refused before any gateway is called', async (_name, result, code) => {
  expect(await send('pay_1', result)).toMatchObject({ body: { code } })
})
