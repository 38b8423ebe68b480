import { expect, test } from 'vitest'
import { applyOutcome, createPaymentStore, type ChargeOutcome } from '../src/index.ts'
import type { OutcomeReport } from '../src/flow/write-result.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const declined: ChargeOutcome = { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }

function apply(
  paymentId: string,
  outcome: ChargeOutcome,
  change: Partial<OutcomeReport> = {},
): ReturnType<typeof applyOutcome> {
  const report = {
    paymentId,
    attemptNo: 1,
    gateway: 'simulated',
    outcome,
    actor: 'webhook:simulated',
    ...change,
  }
  return applyOutcome(report, { store })
}

// F57
test('a report that comes before the answer settles, and the worker that waits changes nothing', async () => {
  const { id } = await createPayment(store)
  const holder = await claim(store, id)
  expect(await apply(id, successOf(holder))).toBe('settled')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', fence: 2, gatewayRef: `ch_titan_${id}_1` })
  expect(await store.settle(settlementOf(holder, { type: 'UNKNOWN', reason: 'timeout' }))).toBe(false)
  expect((await store.events(id)).map(({ actor }) => actor).slice(-2)).toEqual([
    'webhook:simulated',
    'webhook:simulated',
  ])
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
})

test('copies of a report at the same time make one transition', async () => {
  const { id } = await createPayment(store)
  const success = successOf(await claim(store, id))
  const effects = await Promise.all(Array.from({ length: 8 }, () => apply(id, success)))
  expect(effects.filter((effect) => effect === 'settled')).toHaveLength(1)
  expect(effects.filter((effect) => effect === 'contradiction')).toEqual([])
  expect((await store.events(id)).filter(({ type }) => type === 'payment.succeeded')).toHaveLength(1)
  expect(await apply(id, success)).toBe('ignored')
})

test('a report ends an unknown outcome, and one that was parked', async () => {
  const [unknown, parked] = [await createPayment(store), await createPayment(store)]
  const first = await claim(store, unknown.id)
  await store.settle(settlementOf(first, { type: 'UNKNOWN', reason: 'timeout' }))
  expect(await apply(unknown.id, declined)).toBe('settled')
  expect(await read(store, unknown.id)).toMatchObject({ status: 'FAILED', failureCode: 'stolen_card' })
  const second = await claim(store, parked.id)
  await store.settle(settlementOf(second, { type: 'UNRESOLVABLE', reason: 'too old' }))
  expect(await apply(parked.id, successOf(second))).toBe('settled')
  expect(await read(store, parked.id)).toMatchObject({ status: 'SUCCESS', needsReview: false })
})

test('a report settles a payment whose request was believed not to have left', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, { type: 'NOT_SENT', reason: 'ECONNREFUSED' }))
  expect(await apply(id, successOf(first))).toBe('settled')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('a report that is not definite changes nothing', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  for (const outcome of [{ type: 'PENDING' }, { type: 'UNKNOWN', reason: '?' }] satisfies ChargeOutcome[])
    expect(await apply(id, outcome)).toBe('ignored')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', fence: 1 })
})

// F58 a charge is reported for a FAILED payment: stays FAILED, a break is recorded
test('a charge that is reported for a failed payment is recorded, and the payment stays failed', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, declined))
  expect(await apply(id, successOf(first))).toBe('contradiction')
  expect(await apply(id, successOf(first))).toBe('contradiction')
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', fence: 1 })
  expect(await sql`select kind from reconciliation_breaks where payment_id = ${id}`).toMatchObject([
    { kind: 'late_charge' },
  ])
})

test('a decline that is reported for a payment that succeeded changes nothing', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, successOf(first)))
  expect(await apply(id, declined)).toBe('ignored')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('a report about an attempt that is closed does not touch the next one', async () => {
  const { id } = await createPayment(store)
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  await store.settle(settlementOf(await claim(store, id), soft, { retrySoftDeclines: true }))
  await makeDue(sql, id)
  await claim(store, id)
  expect(await apply(id, declined)).toBe('ignored')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', attemptNo: 2, fence: 2 })
})

test('a report from another gateway, or about no payment of ours, changes nothing', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  expect(await apply(id, declined, { gateway: 'other' })).toBe('ignored')
  expect(await apply('pay_none', declined)).toBe('unknown')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', fence: 1 })
})

test("a charge of an account's own place that is reported to the gateway of the program is no second one", async () => {
  const { id } = await createPayment(store)
  const place = 'simulated@acme.1'
  await sql`insert into accounts (id, name) values ('acme', 'Acme')`
  await sql`insert into gateway_credentials (place, account, gateway, number, sealed) values (${place}, 'acme', 'simulated', 1, '')`
  const answer = await store.create({ account: 'acme', amount: 500, idempotencyKey: id })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  const held = await claim(store, answer.payment.id, { gateway: place })
  const success = successOf(held)
  expect(await store.settle(settlementOf(held, success))).toBe(true)
  expect(await apply(held.paymentId, success)).toBe('ignored')
  const second = { ...success, gatewayRef: 'ch_second' } as ChargeOutcome
  expect(await apply(held.paymentId, second)).toBe('contradiction')
})
