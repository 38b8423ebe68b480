import { expect, test } from 'vitest'
import { createPaymentStore, lookUpAttempt, type Gateway, type LookupAnswer } from '../src/index.ts'
import type { OperatorDecision } from '../src/store/review.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createParking, mischarge, soft } from './support/parking.ts'
import { claim, createPayment, read } from './support/payments.ts'
import { successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'
import { only } from './support/only.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const { park, parkMischarged, parkLate, report } = createParking(store, sql)

const by = { operator: 'ann', note: 'seen in the report of May' }
const refund = { refundRef: 're_1', ...by }
const FAIL: OperatorDecision = { ...by, to: 'FAILED' }

function answering(answer: LookupAnswer): Pick<Gateway, 'name' | 'lookup'> {
  return { name: 'simulated', lookup: async () => answer }
}

function lookUp(paymentId: string, answer: LookupAnswer, minAgeMs = 0): ReturnType<typeof lookUpAttempt> {
  return lookUpAttempt(
    { paymentId, actor: 'operator:ann' },
    { store, gateways: only(answering(answer)), minAgeMs },
  )
}

// F148 a report of a charge comes again after the payment was decided, or the charge refunded: no second
//  contradiction
test('copies of a report of a mischarge have the effect of one, before and after its refund', async () => {
  const held = await parkMischarged()
  const { paymentId: id } = held
  const before = await store.events(id)
  expect(await report(held, mischarge(held))).toBe('contradiction')
  expect(await store.events(id)).toEqual(before)
  await store.recordRefund(id, { ...refund, gatewayRef: `pi_${id}` })
  expect(await report(held, mischarge(held))).toBe('ignored')
  expect(await store.breaks(id)).toMatchObject([{ kind: 'amount_mismatch', refundRef: 're_1' }])
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', openCharges: 0 })
})

test.each([false, true])(
  // F148
  'copies of a report of a late charge have the effect of one after the payment succeeded, refunded: %s',
  async (isRefunded) => {
    const { first, second, id, lateRef } = await parkLate()
    await report(second, successOf(second))
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
    if (isRefunded) expect(await store.recordRefund(id, { ...refund, gatewayRef: lateRef })).toBe('closed')
    await report(first, successOf(first))
    expect(await store.breaks(id)).toMatchObject([{ kind: 'late_charge', reference: lateRef }])
    expect(await read(store, id)).toMatchObject({ openCharges: isRefunded ? 0 : 1 })
  },
)

// F149 a late charge comes while another attempt is open: the open attempt is looked up before the late
//  charge is accepted, also after a refund
test('a late charge is accepted once the open attempt was looked up, and not before', async () => {
  const { id, lateRef } = await parkLate()
  const accept = (): Promise<string> => store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef: lateRef })
  expect(await accept()).toBe('look_up_first')
  expect(await lookUp(id, { type: 'FAILED_TO_ASK', reason: 'ECONNREFUSED' })).toMatchObject({
    effect: 'unanswered',
  })
  expect(await accept()).toBe('look_up_first')
  expect(await lookUp(id, { type: 'FOUND', outcome: { type: 'PENDING' } })).toMatchObject({
    effect: 'undecided',
  })
  expect(await accept()).toBe('look_up_first')
  expect(await lookUp(id, { type: 'NOT_FOUND' })).toMatchObject({ effect: 'not_found' })
  expect(await read(store, id)).toMatchObject({ isLookedUp: true, needsReview: true })
  expect(await accept()).toBe('decided')
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
})

// F153 an open attempt is looked up soon after it was sent, before the gateway's search shows it: *not found*
//  proves nothing: it is not put on record, and the late charge is not accepted
test('that the gateway does not know an attempt proves nothing soon after it was sent', async () => {
  const { id, second, lateRef } = await parkLate()
  const accept = (): Promise<string> => store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef: lateRef })
  const before = await store.events(id)
  expect(await lookUp(id, { type: 'NOT_FOUND' }, 3_600_000)).toMatchObject({ effect: 'unanswered' })
  expect(await store.events(id)).toEqual(before)
  expect(await read(store, id)).toMatchObject({ isLookedUp: false })
  expect(await accept()).toBe('look_up_first')
  expect(await store.recordRefund(id, { ...refund, gatewayRef: lateRef })).toBe('closed')
  // What it does know counts at any time.
  expect(await lookUp(id, { type: 'FOUND', outcome: successOf(second) }, 3_600_000)).toMatchObject({
    effect: 'settled',
  })
})

// F149
test('an open attempt that turns out to be charged decides the payment, and the late charge stays to be refunded', async () => {
  const { id, second, lateRef } = await parkLate()
  expect(await lookUp(id, { type: 'FOUND', outcome: successOf(second) })).toMatchObject({ effect: 'settled' })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: `ch_${second.gatewayKey}` })
  expect(await store.recordRefund(id, { ...refund, gatewayRef: lateRef })).toBe('closed')
})

// F149
test('an open attempt can be looked up after the late charge was refunded', async () => {
  const { id, lateRef } = await parkLate()
  await store.recordRefund(id, { ...refund, gatewayRef: lateRef })
  expect(await lookUp(id, { type: 'FOUND', outcome: soft })).toMatchObject({ effect: 'settled' })
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptOpen: false })
  expect(await store.decideReview(id, FAIL)).toBe('decided')
})

test('a refund of a late charge ends a payment whose open attempt the gateway does not know', async () => {
  const { id, lateRef } = await parkLate()
  await lookUp(id, { type: 'NOT_FOUND' })
  expect(await store.recordRefund(id, { ...refund, gatewayRef: lateRef })).toBe('failed')
})

test('only the open attempt of a parked payment is looked up, at its own gateway, and only by what can be asked', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  expect(await lookUp(id, { type: 'NOT_FOUND' })).toMatchObject({ effect: 'refused' })
  expect(await lookUp('pay_none', { type: 'NOT_FOUND' })).toMatchObject({ effect: 'refused' })
  const parked = await park()
  const look = { paymentId: parked.paymentId, actor: 'operator:ann' }
  for (const gateway of [{ name: 'simulated' }, { ...answering({ type: 'NOT_FOUND' }), name: 'stripe' }])
    expect(await lookUpAttempt(look, { store, gateways: only(gateway) })).toMatchObject({ effect: 'refused' })
  const throwing = { name: 'simulated', lookup: () => Promise.reject(new Error('no route')) }
  expect(await lookUpAttempt(look, { store, gateways: only(throwing) })).toMatchObject({
    effect: 'unanswered',
  })
})

test('a look-up counts until the attempt may be sent again', async () => {
  const { paymentId: id } = await park()
  await lookUp(id, { type: 'NOT_FOUND' })
  expect(await read(store, id)).toMatchObject({ isLookedUp: true })
  await store.decideReview(id, { ...by, to: 'RETRY' })
  await claim(store, id)
  expect(await read(store, id)).toMatchObject({ isLookedUp: false })
})
