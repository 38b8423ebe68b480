import { expect, test } from 'vitest'
import { applyOutcome, createPaymentStore, type Claim } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** A payment whose first attempt was declined and then reported as charged, which parked it. */
async function chargedLate(): Promise<{ first: Claim; id: string; gatewayRef: string }> {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(
    settlementOf(
      first,
      { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' },
      { retrySoftDeclines: true },
    ),
  )
  await report(first)
  return { first, id, gatewayRef: `ch_${first.gatewayKey}` }
}

async function report(attempt: Claim): Promise<void> {
  const { paymentId, attemptNo, gateway } = attempt
  await applyOutcome(
    { paymentId, attemptNo, gateway, outcome: successOf(attempt), actor: 'webhook' },
    { store },
  )
}

const by = { refundRef: 're_1', operator: 'ann', note: 'refunded in the dashboard' }

test('the refund of a late charge ends a parked payment as FAILED and closes the contradiction', async () => {
  const { id, gatewayRef } = await chargedLate()
  expect(await read(store, id)).toMatchObject({ needsReview: true, lateChargeRef: gatewayRef })
  expect(await store.recordRefund(id, { ...by, gatewayRef })).toBe('failed')
  expect(await read(store, id)).toMatchObject({
    status: 'FAILED',
    needsReview: false,
    failureKind: 'operator',
    failureCode: 'refunded',
    gatewayRef: null,
  })
  expect(await store.breaks(id)).toMatchObject([
    { kind: 'late_charge', refundRef: 're_1', resolvedBy: 'operator:ann', resolution: by.note },
  ])
  expect((await store.breaks(id))[0]?.resolvedAt).toBeInstanceOf(Date)
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'FAILED' })
  expect((await store.events(id)).at(-1)).toMatchObject({
    actor: 'operator:ann',
    evidence: { refund_ref: 're_1', gateway_ref: gatewayRef, note: by.note },
  })
})

test('a refund is recorded once', async () => {
  const { id, gatewayRef } = await chargedLate()
  await store.recordRefund(id, { ...by, gatewayRef })
  expect(await store.recordRefund(id, { ...by, refundRef: 're_2', gatewayRef })).toBe('refused')
  expect(await store.breaks(id)).toMatchObject([{ refundRef: 're_1' }])
})

test.each([
  ['no id of the refund', { refundRef: '' }],
  ['no note', { note: '' }],
  ['another charge', { gatewayRef: 'ch_other' }],
])('a refund with %s changes nothing', async (_name, change) => {
  const { id, gatewayRef } = await chargedLate()
  expect(await store.recordRefund(id, { ...by, gatewayRef, ...change })).toBe('refused')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  expect(await store.breaks(id)).toMatchObject([{ resolvedAt: null, refundRef: null }])
})

test('a refund leaves a payment parked whose next attempt may still turn out to be charged', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  await store.settle(settlementOf(first, soft, { retrySoftDeclines: true }))
  await makeDue(sql, id)
  const second = await claim(store, id)
  await report(first)
  const gatewayRef = `ch_${first.gatewayKey}`
  // The holder of the second attempt may be talking to the gateway.
  expect(await store.recordRefund(id, { ...by, gatewayRef })).toBe('refused')
  await store.settle(settlementOf(second, { type: 'UNRESOLVABLE', reason: 'given up' }))
  expect(await store.recordRefund(id, { ...by, gatewayRef })).toBe('closed')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptOpen: true })
  await report(second)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: `ch_${second.gatewayKey}` })
})

test('a refund leaves a payment parked while another charge of it is open', async () => {
  const { id, first, gatewayRef } = await chargedLate()
  const other = { kind: 'late_charge', paymentId: id, gateway: first.gateway, reference: 'ch_again' } as const
  await store.recordBreak({ ...other, detail: {} })
  expect(await store.recordRefund(id, { ...by, gatewayRef })).toBe('closed')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  expect(await store.recordRefund(id, { ...by, gatewayRef: 'ch_again' })).toBe('failed')
})

test('the refund of a charge of a wrong amount ends the payment that was parked for it', async () => {
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  await store.settle(
    settlementOf(held, { type: 'SUCCEEDED', gatewayRef: 'ch_5', amount: 5, currency: 'USD' }),
  )
  expect(await store.recordRefund(id, { ...by, gatewayRef: 'ch_5' })).toBe('failed')
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'DECLINED' }])
})

test('the refund of a second charge leaves the SUCCESS of the first as it is', async () => {
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  await store.settle(settlementOf(held, successOf(held)))
  const own = `ch_${held.gatewayKey}`
  const charged = { paymentId: id, gateway: held.gateway, detail: {} }
  await store.recordBreak({ ...charged, kind: 'duplicate_charge', reference: 'ch_twice' })
  await store.recordBreak({ ...charged, kind: 'duplicate_charge', reference: own })
  const before = await read(store, id)
  expect(await store.recordRefund(id, { ...by, gatewayRef: own })).toBe('refused')
  expect(await store.recordRefund(id, { ...by, gatewayRef: 'ch_twice' })).toBe('closed')
  // Of the two charges on record, one was refunded.
  expect(await read(store, id)).toEqual({ ...before, openCharges: 1 })
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
})

test('an operator asks the gateway again about an attempt that workers died on', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  for (let death = 0; death < 4; death++) {
    await expireLease(sql, id)
    await claim(store, id, { owner: `w${death}` })
  }
  await sql`update payments set lease_until = null, needs_review = true, unknown_since = clock_timestamp() where id = ${id}`
  expect(
    await store.decideReview(id, { to: 'RETRY', operator: 'ann', note: 'workers have memory now' }),
  ).toBe('decided')
  const again = await claim(store, id)
  expect(again).toMatchObject({ mode: 'resolve', takeovers: 0 })
  // Somebody before may have sent, so "never sent" still proves nothing.
  const never = settlementOf(
    { ...again, mode: 'send', retries: 99 },
    { type: 'NOT_SENT', reason: 'ECONNREFUSED' },
  )
  expect(never.status).toBe('FAILED')
  expect(await store.settle(never)).toBe(false)
})
