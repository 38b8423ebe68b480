import { expect, test } from 'vitest'
import { applyOutcome, createPaymentStore, lookUpAttempt, type Gateway } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { fold } from './support/history.ts'
import { createMovement, endMovement, sumsOf } from './support/movements.ts'
import { claim, createPayment, newKey, paymentIn, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { only } from './support/only.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** A payment whose first attempt was declined and then reported as charged, which parked it. */
async function chargedLate(): Promise<{ paymentId: string; chargeRef: string }> {
  const { id: paymentId } = await createPayment(store)
  const first = await claim(store, paymentId)
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  await store.settle(settlementOf(first, soft, { retrySoftDeclines: true }))
  const { attemptNo, gateway } = first
  await applyOutcome(
    { paymentId, attemptNo, gateway, outcome: successOf(first), actor: 'webhook' },
    { store },
  )
  return { paymentId, chargeRef: `ch_${first.gatewayKey}` }
}

async function chargedTwice(): Promise<{ paymentId: string; chargeRef: string }> {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const chargeRef = `dup_${paymentId}`
  const detail = { amount: 500, currency: 'USD' }
  await store.recordBreak({
    kind: 'duplicate_charge',
    paymentId,
    gateway: 'simulated',
    reference: chargeRef,
    detail,
  })
  return { paymentId, chargeRef }
}

test('the refund of a late charge closes its contradiction and ends the payment that was parked for it', async () => {
  const { paymentId, chargeRef } = await chargedLate()
  const refund = await createMovement(store, { kind: 'refund', paymentId, chargeRef })
  expect(refund).toMatchObject({ amount: 500, status: 'PENDING' })
  const answer = await store.claim(refund.id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' })
  expect(answer).toMatchObject({ claim: { charge: { paymentId, gatewayRef: chargeRef } } })
  if (answer.kind !== 'claimed') throw new Error(answer.reason)
  const outcome = { type: 'SUCCEEDED', gatewayRef: 're_late', amount: 500, currency: 'USD' } as const
  expect(await store.settle(settlementOf(answer.claim, outcome))).toBe(true)
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'late_charge', refundRef: 're_late', resolvedBy: 'w1', resolution: `refunded by ${refund.id}` },
  ])
  expect(await read(store, paymentId)).toMatchObject({
    status: 'FAILED',
    failureCode: 'refunded',
    failureKind: 'operator',
    openCharges: 0,
    needsReview: false,
  })
  expect(fold(await store.events(paymentId))).toEqual({ ok: true, status: 'FAILED' })
  expect(await sumsOf(sql, paymentId)).toEqual({ captured: null, reserved: null, refunded: null })
})

test('a second charge is refunded once and whole, and counts for no sum', async () => {
  const { paymentId, chargeRef } = await chargedTwice()
  const asked = { kind: 'refund', paymentId, chargeRef } as const
  const exceeds = (available: number) => ({ kind: 'refused', reason: 'exceeds', available })
  expect(await store.createMovement({ ...asked, amount: 499, idempotencyKey: newKey() })).toEqual(
    exceeds(500),
  )
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => store.createMovement({ ...asked, idempotencyKey: newKey() })),
  )
  const created = answers.flatMap((answer) => (answer.kind === 'created' ? [answer.movement.id] : []))
  expect(created).toHaveLength(1)
  expect(answers.filter(({ kind }) => kind === 'refused')).toEqual(
    Array.from({ length: 9 }, () => exceeds(0)),
  )
  const [first] = created
  await endMovement(sql, first ?? '', 'FAILED')
  expect(await read(store, paymentId)).toMatchObject({ openCharges: 1 })
  const second = await createMovement(store, { ...asked, amount: 500 })
  await endMovement(sql, second.id, 'SUCCESS', 're_dup')
  expect(await read(store, paymentId)).toMatchObject({ status: 'SUCCESS', openCharges: 0 })
  expect(await store.breaks(paymentId)).toMatchObject([{ refundRef: 're_dup' }])
  expect(await createMovement(store, { kind: 'refund', paymentId })).toMatchObject({ amount: 500 })
})

test('the charge is part of the request', async () => {
  const { paymentId, chargeRef } = await chargedTwice()
  const asked = { kind: 'refund', paymentId, idempotencyKey: newKey() } as const
  await createMovement(store, { ...asked, chargeRef })
  expect(await store.createMovement(asked)).toEqual({ kind: 'mismatch' })
  expect(await store.createMovement({ ...asked, chargeRef })).toMatchObject({ kind: 'replayed' })
})

test('a charge that is not on record as a contradiction is not found', async () => {
  const { paymentId } = await chargedTwice()
  const { paymentId: other, chargeRef } = await chargedTwice()
  const unknown = [`ch_${paymentId}`, 'ch_unknown', chargeRef]
  for (const ref of unknown)
    expect(
      await store.createMovement({ kind: 'refund', paymentId, chargeRef: ref, idempotencyKey: newKey() }),
    ).toEqual({ kind: 'refused', reason: 'not_found' })
  await expect(sql`
    insert into payments (id, parent_id, charge_ref, amount, currency, status, idempotency_key, event_seq)
    values ('ref_by_hand', ${other}, 'ch_unknown', 500, 'USD', 'PENDING', 'by hand', 1)`).rejects.toMatchObject(
    { constraint_name: 'payments_refund_of_open_charge' },
  )
})

test('an operator does not accept a charge whose refund is under way', async () => {
  const { paymentId, chargeRef } = await chargedLate()
  const { id } = await createMovement(store, { kind: 'refund', paymentId, chargeRef })
  const decision = { to: 'SUCCESS', operator: 'ann', note: 'seen', gatewayRef: chargeRef } as const
  expect(await store.decideReview(paymentId, decision)).toBe('charge_refunded')
  await endMovement(sql, id, 'FAILED')
  expect(await store.decideReview(paymentId, decision)).toBe('decided')
})

test('a refund of a charge that fails after its success opens the contradiction again', async () => {
  const { paymentId, chargeRef } = await chargedTwice()
  const { id } = await createMovement(store, { kind: 'refund', paymentId, chargeRef })
  await endMovement(sql, id, 'SUCCESS', 're_back')
  const failure = { refundId: id, gatewayRef: 're_back', code: 'x', actor: 'gateway:simulated' }
  expect(await store.recordRefundFailure(failure)).toBe('recorded')
  expect(await read(store, paymentId)).toMatchObject({ openCharges: 1 })
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'duplicate_charge', resolvedAt: null, refundRef: null },
    { kind: 'refund_failed', resolvedAt: null },
  ])
})

test('a parked refund of a second charge is looked up by that charge', async () => {
  const { paymentId, chargeRef } = await chargedTwice()
  const { id } = await createMovement(store, { kind: 'refund', paymentId, chargeRef })
  await store.settle(settlementOf(await claim(store, id), { type: 'UNRESOLVABLE', reason: 'given up' }))
  const asked: unknown[] = []
  const gateway: Pick<Gateway, 'name' | 'lookup'> = {
    name: 'simulated',
    lookup: async (request) => (asked.push(request), { type: 'NOT_FOUND' }),
  }
  await lookUpAttempt({ paymentId: id, actor: 'operator:ann' }, { store, gateways: only(gateway) })
  expect(asked).toMatchObject([{ kind: 'refund', chargeRef }])
})

test('a refund by hand is not recorded while the refund of the same charge is under way', async () => {
  const { paymentId, chargeRef } = await chargedTwice()
  await createMovement(store, { kind: 'refund', paymentId, chargeRef })
  const byHand = {
    gatewayRef: chargeRef,
    refundRef: 're_by_hand',
    operator: 'ann',
    note: 'done at the gateway',
  }
  expect(await store.recordRefund(paymentId, byHand)).toBe('refused')
  expect(await store.breaks(paymentId)).toMatchObject([{ resolvedAt: null, refundRef: null }])
})
