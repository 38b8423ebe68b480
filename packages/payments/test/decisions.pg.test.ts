import { readFile } from 'node:fs/promises'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createPaymentStore, type BreakKind, type ChargeOutcome } from '../src/index.ts'
import type { OperatorDecision } from '../src/store/review.ts'
import type { Queryable } from '../src/store/database.ts'
import { openMigratedDatabase } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createParking } from './support/parking.ts'
import { claim, createPayment, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const by = { operator: 'ann', note: 'seen in the report of May' }
const refund = { refundRef: 're_1', ...by }
const KINDS: BreakKind[] = [
  'missing_here',
  'amount_mismatch',
  'currency_mismatch',
  'status_mismatch',
  'duplicate_charge',
  'late_charge',
]

const { park, parkMischarged, parkLate, report } = createParking(store, sql)
const FAIL: OperatorDecision = { ...by, to: 'FAILED' }

// F144 an operator says that no money moved while a charge of any kind is on record: refused by the statement
//  and by the database; the refund of the charge ends the payment
test.each(KINDS)('no payment becomes FAILED or is asked again while a %s of it is open', async (kind) => {
  const { paymentId: id, gateway } = await park()
  const reference = `ch_${kind}`
  await sql`
    insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
    values (${kind}, ${id}, ${gateway}, ${reference}, '{"amount": 500, "currency": "USD"}')`
  expect(await read(store, id)).toMatchObject({ openCharges: 1 })
  expect(await store.decideReview(id, FAIL)).toBe('charge_on_record')
  expect(await store.decideReview(id, { ...by, to: 'RETRY' })).toBe('charge_on_record')
  await expect(
    sql`update payments set status = 'FAILED', failure_code = 'x', failure_kind = 'operator', attempt_open = false,
               event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_failed_without_open_charge' })
  expect(await store.recordRefund(id, { ...refund, gatewayRef: reference })).toBe(
    kind === 'late_charge' ? 'closed' : 'failed',
  )
  if (kind === 'late_charge') expect(await store.decideReview(id, FAIL)).toBe('decided')
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', openCharges: 0 })
})

test('what the gateway is known not to have does not keep a payment from becoming FAILED', async () => {
  const { paymentId: id, gateway } = await park()
  await store.recordBreak({ kind: 'missing_at_gateway', paymentId: id, gateway, reference: id, detail: {} })
  expect(await store.decideReview(id, FAIL)).toBe('decided')
})

test.each([
  ['amount', {}],
  ['currency', { amount: 500, currency: 'EUR' }],
])(
  // F145 an operator names a mischarge, a refunded charge, or a charge that is not on record: refused;
  //  another charge is asked for twice
  'a charge of another %s is never taken for the payment, and another charge needs a confirmation',
  async (_name, charged) => {
    const held = await parkMischarged(charged)
    const { paymentId: id } = held
    const decide = (gatewayRef: string, confirmedRef?: string): Promise<string> =>
      store.decideReview(id, {
        ...by,
        to: 'SUCCESS',
        gatewayRef,
        ...(confirmedRef !== undefined && { confirmedRef }),
      })
    expect(await decide(`pi_${id}`)).toBe('amount_differs')
    expect(await decide('totally-bogus')).toBe('unconfirmed')
    expect(await decide('totally-bogus', 'totally-other')).toBe('unconfirmed')
    expect(await read(store, id)).toMatchObject({
      status: 'PROCESSING',
      needsReview: true,
      gatewayRef: `pi_${id}`,
    })
    expect(await store.breaks(id)).toMatchObject([{ amount: 501, currency: 'USD', ...charged }])
    expect(await store.recordRefund(id, { ...refund, gatewayRef: `pi_${id}` })).toBe('failed')
    expect(await store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef: `pi_${id}` })).toBe('not_parked')
  },
)

test('a confirmed charge decides, and the one on record stays open to be refunded', async () => {
  const { paymentId: id } = await parkMischarged()
  const decision: OperatorDecision = {
    ...by,
    to: 'SUCCESS',
    gatewayRef: `pi_own_${id}`,
    confirmedRef: `pi_own_${id}`,
  }
  expect(await store.decideReview(id, decision)).toBe('decided')
  expect(await store.breaks(id)).toMatchObject([{ reference: `pi_${id}`, resolvedAt: null }])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', openCharges: 1 })
})

// F144
test('a decline that is reported after a mischarge leaves the payment parked', async () => {
  const held = await parkMischarged()
  await report(held, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' })
  expect(await read(store, held.paymentId)).toMatchObject({ status: 'PROCESSING', needsReview: true })
})

// F145
test('a charge whose refund is on record is not taken for the payment', async () => {
  const { id, lateRef } = await parkLate()
  expect(await store.recordRefund(id, { ...refund, gatewayRef: lateRef })).toBe('closed')
  expect(await store.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef: lateRef })).toBe('charge_refunded')
})

// F150 one charge is named for two payments, by operators or by the gateway: the second is refused, or parked
test('one charge is of one payment, whatever operators name', async () => {
  const [one, other] = [await park(), await park()]
  const decision = { ...by, to: 'SUCCESS', gatewayRef: 'pi_shared' } as const
  expect(await store.decideReview(one.paymentId, decision)).toBe('decided')
  expect(await store.decideReview(other.paymentId, decision)).toBe('charge_of_another')
  const third = await parkMischarged()
  const named = { ...by, to: 'SUCCESS', gatewayRef: `pi_${third.paymentId}` } as const
  expect(await store.decideReview(other.paymentId, named)).toBe('charge_of_another')
  await expect(
    sql`update payments set status = 'SUCCESS', gateway_ref = 'pi_shared', attempt_open = false, event_seq = event_seq + 1
         where id = ${other.paymentId}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_charge_of_one_payment' })
})

// F150
test('of two decisions at once that name one charge for two payments, one wins', async () => {
  for (let round = 0; round < 5; round++) {
    const parked = [await park(), await park()]
    const decision = { ...by, to: 'SUCCESS', gatewayRef: `pi_race_${round}` } as const
    const effects = await Promise.all(parked.map(({ paymentId }) => store.decideReview(paymentId, decision)))
    expect(effects.toSorted()).toEqual(['charge_of_another', 'decided'])
  }
})

// F150
test('a worker whose gateway names the charge of another payment parks the payment', async () => {
  const owner = await park()
  const decision = { ...by, to: 'SUCCESS', gatewayRef: 'pi_owned' } as const
  await store.decideReview(owner.paymentId, decision)
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  await report(held, { ...successOf(held), gatewayRef: 'pi_owned' } as ChargeOutcome)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptOpen: true })
})

/** Runs `act` while a transaction holds the payment and changes it; answers what the act came to. */
async function during<Value>(
  id: string,
  change: (transaction: Queryable) => Promise<unknown>,
  act: () => Promise<Value>,
): Promise<Value> {
  const { promise: isWaiting, resolve: waits } = Promise.withResolvers<void>()
  let acting: Promise<Value> | undefined
  await sql.begin(async (transaction) => {
    await transaction`select from payments where id = ${id} for update`
    acting = act()
    setTimeout(waits, 200)
    await isWaiting
    await change(transaction)
  })
  if (acting === undefined) throw new Error('the act never began')
  return acting
}

// F147 a charge is recorded while a decision, a refund or a settlement waits for its payment: each decides
//  with the charge in view
test('a decision that waits for the payment sees the charge that was recorded meanwhile', async () => {
  const { paymentId: id, gateway } = await park()
  const effect = await during(
    id,
    (transaction) => transaction`
      insert into reconciliation_breaks (kind, payment_id, gateway, reference) values ('late_charge', ${id}, ${gateway}, 'ch_race')`,
    () => store.decideReview(id, FAIL),
  )
  expect(effect).toBe('charge_on_record')
})

// F147
test('a refund that waits for the payment sees the other charge that was recorded meanwhile', async () => {
  const { paymentId: id, gateway } = await parkMischarged()
  const effect = await during(
    id,
    (transaction) => transaction`
      insert into reconciliation_breaks (kind, payment_id, gateway, reference) values ('late_charge', ${id}, ${gateway}, 'ch_race_2')`,
    () => store.recordRefund(id, { ...refund, gatewayRef: `pi_${id}` }),
  )
  expect(effect).toBe('closed')
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', openCharges: 1 })
})

// F147
test('a settlement that waits for the payment sees the charge that was recorded meanwhile', async () => {
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  const isWritten = await during(
    id,
    (transaction) => transaction`
      insert into reconciliation_breaks (kind, payment_id, gateway, reference) values ('amount_mismatch', ${id}, 'simulated', 'ch_race_3')`,
    () => store.settle(settlementOf(held, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' })),
  )
  expect(isWritten).toBe(false)
})

test.each<OperatorDecision>([
  { ...by, to: 'FAILED' },
  { ...by, to: 'SUCCESS', gatewayRef: 'pi_repeated' },
  { ...by, to: 'RETRY' },
  // F151 the answer to an operator's act is lost: recorded as unknown; the same act may be repeated, and is
  //  written once
])('a decision for $to may be repeated, and changes nothing then', async (decision) => {
  const { paymentId: id } = await park()
  expect(await store.decideReview(id, decision)).toBe('decided')
  const before = await store.events(id)
  expect(await store.decideReview(id, decision)).toBe('decided')
  expect(await store.events(id)).toEqual(before)
  expect(await store.decideReview(id, { ...decision, operator: 'bob' })).toBe('not_parked')
})

// F151
test('a refund may be repeated, and answers what it did; another one of the same charge is refused', async () => {
  const { paymentId: id } = await parkMischarged()
  const given = { ...refund, gatewayRef: `pi_${id}` }
  expect(await store.recordRefund(id, given)).toBe('failed')
  const before = await store.events(id)
  expect(await store.recordRefund(id, given)).toBe('failed')
  expect(await store.events(id)).toEqual(before)
  expect(await store.recordRefund(id, { ...given, refundRef: 're_2' })).toBe('refused')
})

// F150
test('where history has two payments of one charge, the migration keeps them, and decisions refuse a third', async () => {
  const file = await readFile(new URL('../../../sql/0018_charge_of_one_payment.sql', import.meta.url), 'utf8')
  const database = await openMigratedDatabase(inject('databaseUrl'))
  onTestFinished(() => database.drop())
  const own = createPaymentStore(database.sql)
  const { id } = await createPayment(own)
  const held = await claim(own, id)
  await own.settle(settlementOf(held, { type: 'UNRESOLVABLE', reason: 'given up' }))
  await database.sql`drop index payments_charge_of_one_payment`
  await database.sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`
      insert into payments (id, amount, status, idempotency_key, gateway, gateway_ref)
      select 'pay_twin' || i, 500, 'SUCCESS', 'twin' || i, 'simulated', 'pi_twin' from generate_series(1, 2) i`
  })
  await database.sql.unsafe(file)
  const named = (gatewayRef: string): Promise<string> =>
    own.decideReview(id, { ...by, to: 'SUCCESS', gatewayRef })
  expect(await named('pi_twin')).toBe('charge_of_another')
  expect(await named('pi_free')).toBe('decided')
})
