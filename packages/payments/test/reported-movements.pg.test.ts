import { expect, test } from 'vitest'
import { createPaymentStore, type ForeignMovement } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { authorizedPayment, createMovement, endMovement, sumsOf } from './support/movements.ts'
import { newKey, paymentIn, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const refundAt = (paymentId: string, given: Partial<ForeignMovement> = {}): ForeignMovement => ({
  kind: 'refund',
  paymentId,
  gateway: 'simulated',
  gatewayRef: `re_${paymentId}`,
  amount: 200,
  currency: 'USD',
  ...given,
})

test('a refund that fails after its success keeps its status, is on record once, and frees its amount', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId })
  await endMovement(sql, id, 'SUCCESS', 're_1')
  const failure = {
    refundId: id,
    gatewayRef: 're_1',
    code: 'expired_or_canceled_card',
    actor: 'gateway:simulated',
  }
  expect(await store.recordRefundFailure({ ...failure, gatewayRef: 're_2' })).toBe('refused')
  const answers = await Promise.all(Array.from({ length: 5 }, () => store.recordRefundFailure(failure)))
  expect(answers.toSorted()).toEqual(['known', 'known', 'known', 'known', 'recorded'])
  expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS', gatewayRef: 're_1' })
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 0, refunded: 0 })
  // No charge is open: the money came back to us.
  expect(await read(store, paymentId)).toMatchObject({ status: 'SUCCESS', openCharges: 0 })
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'refund_failed', reference: 're_1', amount: 500, currency: 'USD', resolvedAt: null },
  ])
  expect((await store.events(id)).at(-1)).toMatchObject({
    type: 'refund.failed',
    fromStatus: 'SUCCESS',
    toStatus: 'SUCCESS',
    actor: 'gateway:simulated',
    evidence: { code: 'expired_or_canceled_card' },
  })
  expect(await createMovement(store, { kind: 'refund', paymentId })).toMatchObject({ amount: 500 })
})

test('a refund that has not succeeded cannot fail after its success', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId })
  const failure = { refundId: id, gatewayRef: 're_0', code: 'x', actor: 'gateway:simulated' }
  expect(await store.recordRefundFailure(failure)).toBe('refused')
  expect(await store.recordRefundFailure({ ...failure, refundId: paymentId })).toBe('refused')
})

test("a refund made in the gateway's dashboard is a refund of the payment, once", async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => store.recordForeignMovement(refundAt(paymentId))),
  )
  expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['known', 'known', 'known', 'known', 'recorded'])
  const [refund, ...more] = await store.movements(paymentId)
  expect(more).toEqual([])
  expect(refund).toMatchObject({
    kind: 'refund',
    status: 'SUCCESS',
    amount: 200,
    gatewayRef: `re_${paymentId}`,
    idempotencyKey: `gateway:re_${paymentId}`,
  })
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 200, refunded: 200 })
  const events = await store.events(refund?.id ?? '')
  expect(events.map(({ toStatus }) => toStatus)).toEqual(['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS'])
  expect(events.at(-1)).toMatchObject({ type: 'refund.succeeded', actor: 'gateway:simulated' })
})

test('a refund of ours that the gateway reports without our key is known by its id', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  await endMovement(sql, id, 'SUCCESS', `re_${paymentId}`)
  expect(await store.recordForeignMovement(refundAt(paymentId))).toMatchObject({
    kind: 'known',
    movement: { id },
  })
})

test.each([
  ['of more than is left', 'SUCCESS', { amount: 501 }],
  ['in another currency', 'SUCCESS', { currency: 'EUR' }],
  ['of a payment that is not known to have succeeded', 'PROCESSING', {}],
] as const)('a refund at the gateway %s is on record as a contradiction', async (_name, status, given) => {
  const { id: paymentId } = await paymentIn(store, sql, status)
  for (let copy = 0; copy < 2; copy++)
    expect(await store.recordForeignMovement(refundAt(paymentId, given))).toEqual({ kind: 'contradiction' })
  expect(await store.movements(paymentId)).toEqual([])
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'missing_here', reference: `re_${paymentId}` },
  ])
})

test("a key of a client's does not pass for a refund at the gateway", async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const idempotencyKey = `gateway:re_${paymentId}`
  await createMovement(store, { kind: 'refund', paymentId, amount: 200, idempotencyKey })
  expect(await store.recordForeignMovement(refundAt(paymentId))).toEqual({ kind: 'contradiction' })
})

test('a movement of a payment that is not of this gateway is refused', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const refused = { kind: 'refused', reason: 'not_found' }
  expect(await store.recordForeignMovement(refundAt(paymentId, { gateway: 'other' }))).toEqual(refused)
  expect(await store.recordForeignMovement(refundAt('pay_unknown'))).toEqual(refused)
})

test.each(['capture', 'void'] as const)(
  "a %s made in the gateway's dashboard ends its payment, unless one of ours is under way",
  async (kind) => {
    const { id: paymentId } = await authorizedPayment(store, sql)
    const reported = refundAt(paymentId, { kind, gatewayRef: `ch_${paymentId}`, amount: 300 })
    expect(await store.recordForeignMovement(reported)).toMatchObject({ kind: 'recorded' })
    expect(await store.recordForeignMovement(reported)).toMatchObject({ kind: 'known' })
    expect(await read(store, paymentId)).toMatchObject(
      kind === 'capture' ? { status: 'SUCCESS' } : { status: 'FAILED', failureCode: 'voided' },
    )
    const other = await authorizedPayment(store, sql)
    const own = await createMovement(store, { kind, paymentId: other.id })
    expect(await store.recordForeignMovement(refundAt(other.id, { kind, amount: 300 }))).toMatchObject({
      kind: 'known',
      movement: { id: own.id },
    })
    expect(await read(store, other.id)).toMatchObject({ status: 'PROCESSING' })
  },
)

test('a capture at the gateway of a payment that FAILED is a late charge, once, which can be refunded', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const [chargeRef, gatewayRef] = [`pi_${paymentId}`, `ch_${paymentId}`]
  await store.recordForeignMovement(refundAt(paymentId, { kind: 'void', gatewayRef }))
  expect(await read(store, paymentId)).toMatchObject({ status: 'FAILED' })
  const captured = refundAt(paymentId, { kind: 'capture', gatewayRef, chargeRef, amount: 300 })
  for (let copy = 0; copy < 2; copy++)
    expect(await store.recordForeignMovement(captured)).toEqual({ kind: 'contradiction' })
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'late_charge', reference: chargeRef, amount: 300 },
  ])
  expect(await createMovement(store, { kind: 'refund', paymentId, chargeRef })).toMatchObject({ amount: 300 })
})

test('a reason is kept with the details, and is part of the request', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const asked = { kind: 'refund', paymentId, amount: 5, idempotencyKey: newKey() } as const
  const refund = await createMovement(store, { ...asked, reason: 'returned' })
  expect(refund).toMatchObject({ reason: 'returned' })
  expect(await store.movement(refund.id)).toEqual(refund)
  expect(await store.movements(paymentId)).toEqual([refund])
  expect((await store.pageMovements({ paymentId })).movements).toEqual([refund])
  expect(await store.createMovement({ ...asked, reason: 'returned' })).toEqual({
    kind: 'replayed',
    movement: refund,
  })
  for (const reason of [undefined, 'lost'])
    expect(await store.createMovement({ ...asked, reason })).toEqual({ kind: 'mismatch' })
  await expect(store.createMovement({ ...asked, reason: '' })).rejects.toMatchObject({
    code: 'INVALID_PAYMENT',
  })
})

test('a claim of a movement names the charge that it is about', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 5, reason: 'returned' })
  const answer = await store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' })
  const charge = { paymentId, gatewayKey: `titan_${paymentId}_1`, gatewayRef: `ch_${paymentId}` }
  expect(answer).toMatchObject({
    kind: 'claimed',
    claim: {
      kind: 'refund',
      paymentId: id,
      mode: 'send',
      gatewayKey: `titan_${id}_1`,
      charge,
      details: { description: 'returned' },
    },
  })
  expect(
    await store.seize({ paymentId: id, attemptNo: 1, gateway: 'simulated', actor: 'webhook' }),
  ).toMatchObject({ kind: 'refund', charge })
})
