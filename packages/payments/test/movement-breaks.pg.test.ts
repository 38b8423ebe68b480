import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { applyOutcome, createPaymentStore, createSimulatedGateway, type Movement } from '../src/index.ts'
import { fold } from './support/history.ts'
import { authorizedPayment, createMovement, endMovement, sumsOf } from './support/movements.ts'
import { createPay } from './support/pay.ts'
import { createPayment, paymentIn, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const by = { refundRef: 'undone_1', operator: 'ann', note: 'ticket 4711, their report' }

/** A refund for which the gateway gave back another amount, so that it is parked. */
async function misrefunded(): Promise<{ paymentId: string; id: string; reference: string }> {
  const gateway = createSimulatedGateway({ delayMs: 0, moveScript: () => 'wrong_amount' })
  const { id: paymentId } = await createPayment(store)
  await pay(paymentId, { gateway })
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  await pay(id, { gateway })
  const [found] = await store.breaks(id)
  return { paymentId, id, reference: found?.reference ?? '' }
}

test('a refund of another amount ends as FAILED when an operator records what undid it', async () => {
  const { paymentId, id, reference } = await misrefunded()
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, openCharges: 1 })
  for (const to of ['FAILED', 'RETRY'] as const)
    expect(await store.decideReview(id, { to, operator: 'ann', note: by.note })).toBe('charge_on_record')
  expect(await store.recordRefund(id, { ...by, gatewayRef: 'another' })).toBe('refused')
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 200 })

  expect(await store.recordRefund(id, { ...by, gatewayRef: reference })).toBe('failed')
  expect(await store.recordRefund(id, { ...by, gatewayRef: reference })).toBe('failed')
  expect(await store.movement(id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'refunded',
    needsReview: false,
  })
  expect(await sumsOf(sql, paymentId)).toEqual({ captured: null, reserved: 0, refunded: 0 })
  expect(await store.breaks(id)).toMatchObject([
    { kind: 'amount_mismatch', refundRef: 'undone_1', resolvedBy: 'operator:ann', resolution: by.note },
  ])
  const events = await store.events(id)
  expect(events.at(-1)).toMatchObject({
    type: 'refund.failed',
    actor: 'operator:ann',
    evidence: { note: by.note, gateway_ref: reference, refund_ref: 'undone_1' },
  })
  expect(fold(events)).toEqual({ ok: true, status: 'FAILED' })
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'DECLINED' }])
  // What was freed can be refunded.
  expect(await createMovement(store, { kind: 'refund', paymentId })).toMatchObject({ amount: 500 })
})

test.each(['SUCCESS', 'FAILED'] as const)(
  'a late answer to a movement in %s is closed, and it stays',
  async (status) => {
    const paymentOf = {
      refund: async () => paymentIn(store, sql, 'SUCCESS'),
      capture: async () => authorizedPayment(store, sql),
      void: async () => authorizedPayment(store, sql),
    }
    for (const kind of ['refund', 'capture', 'void'] as const satisfies readonly Movement['kind'][]) {
      const { id: paymentId } = await paymentOf[kind]()
      const { id, amount } = await createMovement(store, { kind, paymentId })
      await endMovement(sql, id, status)
      const gatewayRef = `late_${id}`
      const outcome = { type: 'SUCCEEDED', gatewayRef, amount, currency: 'USD' } as const
      const report = {
        paymentId: id,
        attemptNo: 1,
        gateway: 'simulated',
        outcome,
        actor: 'webhook:simulated',
      }
      expect(await applyOutcome(report, { store })).toBe('contradiction')
      expect(await store.recordRefund(id, { ...by, gatewayRef })).toBe('closed')
      expect(await store.breaks(id)).toMatchObject([{ refundRef: 'undone_1', resolvedBy: 'operator:ann' }])
      expect(await read(store, id)).toMatchObject({ status, openCharges: 0 })
    }
  },
)
