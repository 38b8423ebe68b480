import { UnrecoverableError } from '@titan/queue-core'
import { expect, test } from 'vitest'
import {
  applyOutcome,
  createPaymentStore,
  createSimulatedGateway,
  lookUpAttempt,
  type ChargeOutcome,
  type Claim,
  type Gateway,
  type PaymentsEvent,
  type PaymentStore,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPay } from './support/pay.ts'
import { claim, createPayment, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'
import { only } from './support/only.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const soft: ChargeOutcome = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' }
const retrying = { retrySoftDeclines: true }

/** A payment whose first attempt was declined and whose second is due. */
async function declinedOnce(): Promise<Claim> {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, soft, retrying))
  await makeDue(sql, id)
  return first
}

/** The gateway reports that an attempt was charged. */
function reportCharge(attempt: Claim): ReturnType<typeof applyOutcome> {
  const { paymentId, attemptNo, gateway } = attempt
  const report = { paymentId, attemptNo, gateway, outcome: successOf(attempt), actor: 'webhook:simulated' }
  return applyOutcome(report, { store })
}

async function breaksOf(id: string): Promise<object> {
  return sql`select kind, reference from reconciliation_breaks where payment_id = ${id} and resolved_at is null`
}

test('a charge that is reported before the next attempt parks the payment, and the attempt never begins', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  expect(await reportCharge(first)).toBe('contradiction')
  expect(await reportCharge(first)).toBe('contradiction')
  const gateway = createSimulatedGateway({ delayMs: 0 })
  await pay(id, { gateway })
  expect(gateway.requests).toHaveLength(0)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptNo: 1 })
  expect(await breaksOf(id)).toEqual([{ kind: 'late_charge', reference: `ch_${first.gatewayKey}` }])
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'PROCESSING' })
  expect((await store.events(id)).filter(({ type }) => type === 'payment.needs_review')).toHaveLength(1)
})

test('a charge that is reported between the claim and the first byte keeps the next attempt from being sent', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const events: PaymentsEvent[] = []
  const interrupted: PaymentStore = {
    ...store,
    async claim(one, options) {
      const answer = await store.claim(one, options)
      await reportCharge(first)
      return answer
    },
  }
  const onEvent = (event: PaymentsEvent): void => void events.push(event)
  expect(await pay(id, { gateway, store: interrupted, onEvent })).toBeInstanceOf(UnrecoverableError)
  expect(gateway.requests).toHaveLength(0)
  expect(events).toMatchObject([{ type: 'settled', status: 'PROCESSING', event: 'payment.needs_review' }])
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptNo: 2 })
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'DECLINED' }, { outcome: null, sends: 0 }])
})

test.each<[string, ChargeOutcome, object]>([
  ['a soft decline', soft, { outcome: 'DECLINED' }],
  ['a hard decline', { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }, { outcome: 'DECLINED' }],
  ['no answer', { type: 'UNKNOWN', reason: 'timeout' }, { outcome: null }],
  ['nothing sent', { type: 'NOT_SENT', reason: 'ECONNREFUSED' }, { outcome: null, sends: 0 }],
])(
  'a charge that is reported while the next attempt is under way parks the payment after %s',
  async (_name, outcome, attempt) => {
    const first = await declinedOnce()
    const id = first.paymentId
    const gateway: Gateway = {
      ...createSimulatedGateway({ delayMs: 0 }),
      async charge() {
        await reportCharge(first)
        return outcome
      },
    }
    expect(await pay(id, { gateway, policy: retrying })).toBeInstanceOf(UnrecoverableError)
    expect(await read(store, id)).toMatchObject({
      status: 'PROCESSING',
      needsReview: true,
      failureCode: null,
    })
    expect((await store.attempts(id)).at(-1)).toMatchObject({ attemptNo: 2, ...attempt })
    await makeDue(sql, id)
    expect(await pay(id, { gateway })).toBeUndefined()
    expect(await store.attempts(id)).toHaveLength(2)
    expect(fold(await store.events(id))).toEqual({ ok: true, status: 'PROCESSING' })
  },
)

test('when the next attempt is charged too, the payment succeeds with it and the late charge stays to be refunded', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  const inner = createSimulatedGateway({ delayMs: 0 })
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      await reportCharge(first)
      return inner.charge(request, options)
    },
  }
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: inner.ledger[0]?.id })
  expect(await breaksOf(id)).toEqual([{ kind: 'late_charge', reference: `ch_${first.gatewayKey}` }])
})

test('a decline that is reported for the next attempt leaves a payment with a late charge parked', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  const second = await claim(store, id)
  await reportCharge(first)
  const report = { paymentId: id, attemptNo: 2, gateway: second.gateway, outcome: soft, actor: 'webhook' }
  expect(await applyOutcome(report, { store, policy: retrying })).toBe('settled')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptOpen: false })
})

test('the answer of a worker that was given up settles the payment that was parked without it', async () => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      await sql`update payments set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`
      const other = await claim(store, id, { owner: 'w2' })
      await store.settle(settlementOf(other, { type: 'UNRESOLVABLE', reason: 'given up' }))
      return inner.charge(request, options)
    },
  }
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: inner.ledger[0]?.id })
})

test.each([
  ['is tried again where soft declines are', retrying, 'QUEUED'],
  ['ends it where they are not', {}, 'FAILED'],
])(
  'the soft decline of a worker that was given up, of the payment that was parked without it, %s',
  async (_name, policy, status) => {
    const { id } = await createPayment(store)
    const gateway: Gateway = {
      ...createSimulatedGateway({ delayMs: 0 }),
      async charge() {
        await sql`update payments set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`
        const other = await claim(store, id, { owner: 'w2' })
        await store.settle(settlementOf(other, { type: 'UNRESOLVABLE', reason: 'given up' }))
        return soft
      },
    }
    await pay(id, { gateway, policy })
    expect(await read(store, id)).toMatchObject({ status, needsReview: false })
  },
)

test('an operator takes a late charge for the payment, and nobody asks the gateway again', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  const second = await claim(store, id)
  await reportCharge(first)
  await store.settle(settlementOf(second, { type: 'UNRESOLVABLE', reason: 'given up' }))
  const by = { operator: 'ann', note: 'seen in the dashboard' } as const
  expect(await store.decideReview(id, { ...by, to: 'RETRY' })).toBe('charge_on_record')
  const gatewayRef = `ch_${first.gatewayKey}`
  expect(await store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef })).toBe('look_up_first')
  const gateway = { name: 'simulated', lookup: async () => ({ type: 'NOT_FOUND' }) as const }
  await lookUpAttempt(
    { paymentId: id, actor: 'operator:ann' },
    { store, gateways: only(gateway), minAgeMs: 0 },
  )
  expect(await store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef })).toBe('decided')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef })
  expect(await store.attempts(id)).toMatchObject([{ outcome: 'DECLINED' }, { outcome: 'DECLINED' }])
  expect(await breaksOf(id)).toEqual([])
})

test('an operator decides SUCCESS where no attempt is open', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  await reportCharge(first)
  const decision = {
    to: 'SUCCESS',
    operator: 'ann',
    note: 'seen',
    gatewayRef: `ch_${first.gatewayKey}`,
  } as const
  expect(await store.decideReview(id, decision)).toBe('decided')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', needsReview: false })
})

test('an operator cannot say that no money moved while a late charge is on record that nobody gave back', async () => {
  const first = await declinedOnce()
  const id = first.paymentId
  await reportCharge(first)
  const by = { operator: 'ann', note: 'seen' } as const
  const gatewayRef = `ch_${first.gatewayKey}`
  expect(await store.decideReview(id, { ...by, to: 'FAILED' })).toBe('charge_on_record')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  expect(await breaksOf(id)).toEqual([{ kind: 'late_charge', reference: gatewayRef }])
  await store.recordRefund(id, { ...by, gatewayRef, refundRef: 're_1' })
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', needsReview: false })
  expect(await breaksOf(id)).toEqual([])
})

test('the database refuses an attempt after a late charge', async () => {
  const first = await declinedOnce()
  await reportCharge(first)
  await expect(
    sql`update payments set attempt_no = 2, attempt_open = true where id = ${first.paymentId}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_no_attempt_after_charge' })
})
