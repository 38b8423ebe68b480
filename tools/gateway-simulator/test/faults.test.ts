import { eventually } from '@titan/testkit'
import type { Stripe } from 'stripe'
import { expect, test } from 'vitest'
import { readLedger, type GatewaySimulator } from '../src/index.ts'
import { startReceiver, startSimulator, type ReceivedWebhook } from './support/rig.ts'
import { authorization, payment, refusalOf, stripeAt } from './support/stripe.ts'

type Kind = 'refund' | 'capture' | 'cancel'

/** A payment, and what is to be done about it. */
async function prepare(
  kind: Kind,
  simulator: GatewaySimulator,
): Promise<{ readonly stripe: Stripe; readonly id: string; readonly act: () => Promise<unknown> }> {
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(kind === 'refund' ? payment() : authorization())
  const options = { idempotencyKey: 'm1' }
  const acts = {
    refund: () => stripe.refunds.create({ payment_intent: id, amount: 400 }, options),
    capture: () => stripe.paymentIntents.capture(id, {}, options),
    cancel: () => stripe.paymentIntents.cancel(id, {}, options),
  }
  return { stripe, id, act: acts[kind] }
}

const movementKind = { refund: 'refund', capture: 'capture', cancel: 'void' } as const

async function countOf(kind: Kind, { ledgerPath }: GatewaySimulator): Promise<number> {
  const { movements } = await readLedger(ledgerPath)
  return movements.filter((movement) => movement.kind === movementKind[kind]).length
}

const kinds: readonly Kind[] = ['refund', 'capture', 'cancel']

test.each(
  kinds.flatMap((kind) =>
    [
      ['reset_before', 0],
      ['reset_after', 1],
      ['500_before', 0],
      ['500_after', 1],
      ['503', 0],
      ['429', 0],
    ].map(([behaviour, count]) => ({ kind, behaviour: String(behaviour), count: Number(count) })),
  ),
)('$kind with $behaviour happens $count times, and no more under its key', async (given) => {
  const { kind, behaviour, count } = given
  const simulator = await startSimulator()
  const { act } = await prepare(kind, simulator)
  // Stripe's client repeats a request once by itself after a reset.
  const times = behaviour.startsWith('reset') ? 2 : 1
  await simulator.order({ on: kind, behaviours: [behaviour], payment: 'pay_1', times })
  await refusalOf(act())
  expect(await countOf(kind, simulator)).toBe(count)
  const isStored = behaviour.startsWith('500')
  if (isStored) expect(await refusalOf(act())).toMatchObject({ statusCode: 500 })
  else await act()
  expect(await countOf(kind, simulator)).toBe(isStored ? count : 1)
})

test('orders for refunds leave charges alone', async () => {
  const simulator = await startSimulator()
  await simulator.order({ on: 'refund', behaviours: ['503'] })
  const { act } = await prepare('refund', simulator)
  expect(await refusalOf(act())).toMatchObject({ statusCode: 503 })
})

async function startWithReceiver(): Promise<{
  readonly simulator: GatewaySimulator
  readonly received: ReceivedWebhook[]
}> {
  const { url, received } = await startReceiver()
  return { simulator: await startSimulator({ webhook: { url, secret: 'whsec_1' } }), received }
}

function typesOf(received: readonly ReceivedWebhook[]): string[] {
  return received.map(({ event }) => event.type)
}

test.each([
  ['pending_then:ok@20', 'pending', 'succeeded', ['refund.updated']],
  ['pending_then:decline:declined@20', 'pending', 'failed', ['refund.updated', 'refund.failed']],
  ['late_failure:lost_or_stolen_card@20', 'succeeded', 'failed', ['refund.updated', 'refund.failed']],
])('a refund with %s is %s, then %s', async (behaviour, first, last, types) => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ on: 'refund', behaviours: [behaviour] })
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(payment())
  const refund = await stripe.refunds.create({ payment_intent: id, amount: 600 })
  expect(refund.status).toBe(first)
  await eventually(async () => (await stripe.refunds.retrieve(refund.id)).status === last)
  const expected = ['payment_intent.succeeded', 'refund.created', 'charge.refunded', ...types]
  await eventually(() => received.length === expected.length)
  expect(typesOf(received)).toEqual(expected)
  // What failed can be refunded again.
  const { latest_charge } = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })
  expect(latest_charge).toMatchObject({ amount_refunded: last === 'failed' ? 0 : 600 })
  expect((await readLedger(simulator.ledgerPath)).movements).toMatchObject([{ kind: 'refund', status: last }])
})

test('a refund that fails at once gives nothing back', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ on: 'refund', behaviours: ['decline:insufficient_funds'] })
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(payment())
  const refund = await stripe.refunds.create({ payment_intent: id })
  expect(refund).toMatchObject({ status: 'failed', failure_reason: 'insufficient_funds' })
  await eventually(() => received.length === 3)
  expect(typesOf(received)).toEqual(['payment_intent.succeeded', 'refund.created', 'refund.failed'])
  expect((await stripe.refunds.create({ payment_intent: id })).amount).toBe(1000)
})

test('the test cards for refunds pend and fail as at Stripe', async () => {
  const simulator = await startSimulator({ laterMs: 20 })
  const stripe = stripeAt(simulator)
  for (const [payment_method, first, last] of [
    ['pm_card_pendingRefund', 'pending', 'succeeded'],
    ['pm_card_refundFail', 'succeeded', 'failed'],
  ] as const) {
    const { id } = await stripe.paymentIntents.create(payment({ payment_method }))
    const refund = await stripe.refunds.create({ payment_intent: id })
    expect(refund.status).toBe(first)
    await eventually(async () => (await stripe.refunds.retrieve(refund.id)).status === last)
  }
})

test('a refund that waits for its customer can be canceled, and no other', async () => {
  const simulator = await startSimulator()
  await simulator.order({ on: 'refund', behaviours: ['action', 'ok'] })
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(payment())
  const waiting = await stripe.refunds.create({ payment_intent: id, amount: 100 })
  expect(waiting.status).toBe('requires_action')
  expect((await stripe.refunds.cancel(waiting.id)).status).toBe('canceled')
  const done = await stripe.refunds.create({ payment_intent: id })
  expect(done.amount).toBe(1000)
  expect(await refusalOf(stripe.refunds.cancel(done.id))).toMatchObject({ statusCode: 400 })
})

test('an authorization that nobody captures ends by itself', async () => {
  const { url, received } = await startReceiver()
  const simulator = await startSimulator({ webhook: { url, secret: 'whsec_1' }, authorizationMs: 50 })
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(authorization())
  await eventually(async () => (await stripe.paymentIntents.retrieve(id)).status === 'canceled')
  expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ cancellation_reason: 'automatic' })
  await eventually(() => received.length === 2)
  expect(typesOf(received)).toEqual(['payment_intent.amount_capturable_updated', 'payment_intent.canceled'])
})

test('a capture can take its time, or be declined', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  await simulator.order({ on: 'capture', behaviours: ['pending_then:ok@20', 'decline:expired_card'] })
  const first = await stripe.paymentIntents.create(authorization())
  const capturing = await stripe.paymentIntents.capture(first.id, { amount_to_capture: 800 })
  expect(capturing.status).toBe('processing')
  await eventually(async () => (await stripe.paymentIntents.retrieve(first.id)).status === 'succeeded')
  const second = await stripe.paymentIntents.create(authorization())
  expect(await refusalOf(stripe.paymentIntents.capture(second.id))).toMatchObject({
    statusCode: 402,
    code: 'expired_card',
  })
  const { charges, movements } = await readLedger(simulator.ledgerPath)
  expect(charges).toMatchObject([{ amount: 800 }])
  // The bank's refusal ends the authorization. A cancel that follows has nothing to release.
  expect((await stripe.paymentIntents.cancel(second.id)).status).toBe('canceled')
  expect(movements.filter(({ intentId }) => intentId === second.id)).toMatchObject([
    { kind: 'authorization', amount: 1000 },
    { kind: 'void', amount: 1000, key: null },
  ])
  expect((await readLedger(simulator.ledgerPath)).movements).toHaveLength(movements.length)
})

test('a void says that its charge was refunded, which was never captured', async () => {
  const { simulator, received } = await startWithReceiver()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(authorization())
  await stripe.paymentIntents.cancel(id, {}, { idempotencyKey: 'v1' })
  await eventually(() => received.length === 3)
  expect(typesOf(received)).toEqual([
    'payment_intent.amount_capturable_updated',
    'charge.refunded',
    'payment_intent.canceled',
  ])
  expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
    api_version: '2026-10-28.endive',
    object: 'event',
    request: { idempotency_key: 'v1' },
    data: { object: { object: 'charge', captured: false, refunded: true, payment_intent: id } },
  })
})

test('Stripe’s own library takes the events', async () => {
  const { simulator, received } = await startWithReceiver()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(payment())
  const [delivered] = await eventually(() => (received.length === 1 ? received : false))
  const event = stripe.webhooks.constructEvent(delivered?.body ?? '', delivered?.signature ?? '', 'whsec_1')
  expect(event.type === 'payment_intent.succeeded' && event.data.object.id).toBe(id)
})

test('weights draw for refunds and captures too, the same for the same seed', async () => {
  const outcomes = []
  for (let run = 0; run < 2; run++) {
    const simulator = await startSimulator({ weights: { ok: 1, '503': 1 }, seed: 3 })
    const stripe = stripeAt(simulator)
    const seen: boolean[] = []
    for (let n = 0; n < 12; n++) {
      const { id } = await stripe.paymentIntents.create(payment({ metadata: { simulate: 'ok' } }), {
        idempotencyKey: `k${n}`,
      })
      const refund = stripe.refunds.create({ payment_intent: id }, { idempotencyKey: `r${n}` })
      seen.push(await refund.then(() => true).catch(() => false))
    }
    outcomes.push(seen)
  }
  expect(outcomes[0]).toEqual(outcomes[1])
  expect(new Set(outcomes[0]).size).toBe(2)
})
