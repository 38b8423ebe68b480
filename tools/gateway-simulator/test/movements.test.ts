import { expect, test } from 'vitest'
import { readLedger } from '../src/index.ts'
import { startSimulator } from './support/rig.ts'
import { authorization, idOf, payment, refusalOf, stripeAt } from './support/stripe.ts'

test('a charge is refunded in part, then whole, and never above', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const intent = await stripe.paymentIntents.create(payment())
  const { id: payment_intent } = intent
  const first = await stripe.refunds.create(
    { payment_intent, amount: 400, metadata: { movement_id: 'ref_1' } },
    { idempotencyKey: 'r1' },
  )
  expect(first).toMatchObject({ amount: 400, status: 'succeeded', charge: intent.latest_charge })
  const tooMuch = await refusalOf(stripe.refunds.create({ payment_intent, amount: 601 }))
  expect(tooMuch).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param: 'amount' })
  expect(tooMuch.message).toBe('Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)')
  const rest = await stripe.refunds.create({ charge: idOf(intent.latest_charge) })
  expect(rest.amount).toBe(600)
  expect(await refusalOf(stripe.refunds.create({ payment_intent }))).toMatchObject({
    statusCode: 400,
    code: 'charge_already_refunded',
  })
  const listed = await stripe.refunds.list({ payment_intent })
  expect(listed.data.map(({ id }) => id)).toEqual([rest.id, first.id])
  expect(await stripe.refunds.retrieve(first.id)).toMatchObject({ id: first.id, amount: 400 })
  const charge = await stripe.charges.retrieve(idOf(intent.latest_charge))
  expect(charge).toMatchObject({ amount_refunded: 1000, refunded: true })
  const { charges, movements } = await readLedger(simulator.ledgerPath)
  expect(charges).toMatchObject([{ amount: 1000 }])
  expect(movements).toMatchObject([
    { kind: 'refund', id: first.id, key: 'r1', payment: 'pay_1', reference: 'ref_1', amount: 400 },
    { kind: 'refund', id: rest.id, payment: 'pay_1', reference: null, amount: 600 },
  ])
})

test('a key gives money back once, and other parameters are refused', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id: payment_intent } = await stripe.paymentIntents.create(payment())
  const send = (amount: number) => stripe.refunds.create({ payment_intent, amount }, { idempotencyKey: 'r1' })
  const first = await send(100)
  const again = await send(100)
  expect(again.id).toBe(first.id)
  expect(again.lastResponse.headers['idempotent-replayed']).toBe('true')
  expect(await refusalOf(send(200))).toMatchObject({ statusCode: 400, rawType: 'idempotency_error' })
  expect((await readLedger(simulator.ledgerPath)).movements).toHaveLength(1)
})

test('what is refused by the state of the charge is stored under the key', async () => {
  const stripe = stripeAt(await startSimulator())
  const { id: payment_intent } = await stripe.paymentIntents.create(payment())
  await stripe.refunds.create({ payment_intent })
  const send = () => refusalOf(stripe.refunds.create({ payment_intent }, { idempotencyKey: 'r2' }))
  expect((await send()).headers?.['idempotent-replayed']).toBeUndefined()
  const again = await send()
  expect(again).toMatchObject({ code: 'charge_already_refunded' })
  expect(again.headers?.['idempotent-replayed']).toBe('true')
})

test('refunds at the same time never add up to more than the charge', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id: payment_intent } = await stripe.paymentIntents.create(payment())
  const answers = await Promise.allSettled(
    Array.from({ length: 6 }, () => stripe.refunds.create({ payment_intent, amount: 300 })),
  )
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  const { movements } = await readLedger(simulator.ledgerPath)
  expect(movements.reduce((sum, { amount }) => sum + amount, 0)).toBe(900)
})

test('an authorization says until when it holds, and moves money when it is captured', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const held = await stripe.paymentIntents.create(authorization({ expand: ['latest_charge'] }), {
    idempotencyKey: 'k1',
  })
  expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 1000, amount_received: 0 })
  const charge = held.latest_charge
  if (charge === null || typeof charge === 'string') throw new Error('the charge was not expanded')
  expect(charge).toMatchObject({ captured: false, amount_captured: 0, paid: true })
  const before = charge.payment_method_details?.card?.capture_before ?? 0
  expect(before - charge.created).toBe(7 * 86_400)
  expect((await readLedger(simulator.ledgerPath)).charges).toEqual([])
  const captured = await stripe.paymentIntents.capture(held.id, {}, { idempotencyKey: 'c1' })
  expect(captured).toMatchObject({ status: 'succeeded', amount_received: 1000, amount_capturable: 0 })
  expect(await readLedger(simulator.ledgerPath)).toMatchObject({
    charges: [{ id: charge.id, key: 'k1', amount: 1000, reference: 'pay_1' }],
    movements: [
      { kind: 'authorization', key: 'k1', amount: 1000 },
      { kind: 'capture', id: charge.id, key: 'c1', amount: 1000, payment: 'pay_1' },
    ],
  })
})

test('a capture of a part releases the rest, and only the part can be given back', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(authorization())
  const tooMuch = await refusalOf(stripe.paymentIntents.capture(id, { amount_to_capture: 1001 }))
  expect(tooMuch).toMatchObject({ statusCode: 400, code: 'amount_too_large', param: 'amount_to_capture' })
  expect(await stripe.paymentIntents.capture(id, { amount_to_capture: 700 })).toMatchObject({
    amount: 1000,
    amount_received: 700,
    amount_capturable: 0,
  })
  const { latest_charge } = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge.refunds'] })
  expect(latest_charge).toMatchObject({
    amount: 1000,
    amount_captured: 700,
    amount_refunded: 300,
    refunded: false,
    refunds: { data: [{ amount: 300, destination_details: { card: { type: 'reversal' } } }] },
  })
  expect((await refusalOf(stripe.refunds.create({ payment_intent: id, amount: 701 }))).param).toBe('amount')
  expect((await stripe.refunds.create({ payment_intent: id })).amount).toBe(700)
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([{ amount: 700 }])
})

test('a capture adds to the metadata, and an empty value removes a key', async () => {
  const stripe = stripeAt(await startSimulator())
  const { id } = await stripe.paymentIntents.create(authorization({ metadata: { a: '1', b: '2', c: '' } }))
  const captured = await stripe.paymentIntents.capture(id, { metadata: { b: '', capture_key: 'k' } })
  expect(captured.metadata).toEqual({ a: '1', capture_key: 'k' })
})

test('a second capture is refused, and so is a refund of what was not captured', async () => {
  const stripe = stripeAt(await startSimulator())
  const { id } = await stripe.paymentIntents.create(authorization())
  expect((await refusalOf(stripe.refunds.create({ payment_intent: id }))).message).toContain(
    'does not have a successful charge to refund',
  )
  await stripe.paymentIntents.capture(id)
  const again = await refusalOf(stripe.paymentIntents.capture(id))
  expect(again).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state' })
  expect(again.payment_intent).toMatchObject({ id, status: 'succeeded' })
})

test('a cancellation releases what was set aside, and ends the intent for good', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator)
  const { id } = await stripe.paymentIntents.create(authorization())
  const canceled = await stripe.paymentIntents.cancel(
    id,
    { cancellation_reason: 'requested_by_customer' },
    { idempotencyKey: 'v1' },
  )
  expect(canceled).toMatchObject({
    status: 'canceled',
    cancellation_reason: 'requested_by_customer',
    amount_capturable: 0,
  })
  expect(canceled.canceled_at).not.toBeNull()
  for (const act of [stripe.paymentIntents.cancel(id), stripe.paymentIntents.capture(id)])
    expect(await refusalOf(act)).toMatchObject({ code: 'payment_intent_unexpected_state' })
  expect(await readLedger(simulator.ledgerPath)).toMatchObject({
    charges: [],
    movements: [{ kind: 'authorization' }, { kind: 'void', key: 'v1', amount: 1000 }],
  })
})

test('a payment that succeeded cannot be canceled', async () => {
  const stripe = stripeAt(await startSimulator())
  const { id } = await stripe.paymentIntents.create(payment())
  expect(await refusalOf(stripe.paymentIntents.cancel(id))).toMatchObject({
    statusCode: 400,
    code: 'payment_intent_unexpected_state',
  })
})

test('refunds and captures outlive a restart, under their keys too', async () => {
  const first = await startSimulator()
  const stripe = stripeAt(first)
  const { id } = await stripe.paymentIntents.create(authorization())
  await stripe.paymentIntents.capture(id, { amount_to_capture: 900 }, { idempotencyKey: 'c1' })
  const refund = await stripe.refunds.create({ payment_intent: id, amount: 200 }, { idempotencyKey: 'r1' })
  await first.close()
  const again = stripeAt(await startSimulator({ ledgerPath: first.ledgerPath }))
  const replayed = await again.refunds.create({ payment_intent: id, amount: 200 }, { idempotencyKey: 'r1' })
  expect(replayed.id).toBe(refund.id)
  expect((await again.refunds.create({ payment_intent: id })).amount).toBe(700)
})
