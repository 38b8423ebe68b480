import { earlierStatement, writeAsRows } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { createPaymentStore, type Settlement } from '../src/index.ts'
import { statementsIn } from '../src/store/statements.ts'
import { earlierProgram } from './support/earlier.ts'
import { claim, createPayment, expireLease, makeDue } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const earlier = earlierProgram(sql)
const takeOutbox = statementsIn(new URL('../../webhooks/statements/', import.meta.url))<object>('take_outbox')
const takeOutboxEarlier = earlierStatement<object>('take_outbox')

/** How many rows a payment has beside its own. */
async function countRows(id: string) {
  const [counts] = await sql<{ events: number; attempts: number }[]>`
    select (select count(*) from payment_event_rows where payment_id = ${id}) as events,
           (select count(*) from payment_attempts where payment_id = ${id}) as attempts`
  return counts
}

async function createSuccess(): Promise<string> {
  const { id } = await createPayment(store)
  await store.markQueued([id], 'relay')
  const held = await claim(store, id)
  expect(await store.settle(settlementOf(held, successOf(held)))).toBe(true)
  return id
}

test('a payment without incident is one row, and reads like one whose history is rows', async () => {
  const id = await createSuccess()
  expect(await countRows(id)).toEqual({ events: 0, attempts: 0 })
  const [events, attempts] = [await store.events(id), await store.attempts(id)]
  expect(events.map(({ seq, type, actor }) => `${seq} ${type} ${actor}`)).toEqual([
    '1 payment.created api',
    '2 payment.queued relay',
    '3 payment.processing w1',
    '4 payment.succeeded w1',
  ])
  expect(attempts).toMatchObject([{ attemptNo: 1, outcome: 'SUCCEEDED', sends: 1, fence: 1 }])
  await writeAsRows(sql, [id])
  expect(await countRows(id)).toEqual({ events: 4, attempts: 1 })
  expect(await store.events(id)).toEqual(events)
  expect(await store.attempts(id)).toEqual(attempts)
})

test.each<[string, (settlement: Settlement) => Settlement]>([
  ['by another actor', (settlement) => ({ ...settlement, actor: 'webhook:stripe' })],
  [
    'with more evidence',
    (settlement) => ({ ...settlement, evidence: { ...settlement.evidence, note: 'slow' } }),
  ],
])('a success %s than the columns can say is a row', async (_, change) => {
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  const settlement = change(settlementOf(held, successOf(held)))
  expect(await store.settle(settlement)).toBe(true)
  expect(await countRows(id)).toEqual({ events: 1, attempts: 1 })
  const [last] = (await store.events(id)).slice(-1)
  expect(last).toMatchObject({ seq: 4, actor: settlement.actor, evidence: settlement.evidence })
})

test('a decline gives the first attempt its row, as old as its claim', async () => {
  const { id } = await createPayment(store)
  const held = await claim(store, id)
  const [open] = await store.attempts(id)
  const declined = settlementOf(held, {
    type: 'DECLINED',
    code: 'stolen_card',
    kind: 'hard',
    gatewayRef: 'ch_no',
  })
  await store.settle(declined)
  expect(await countRows(id)).toEqual({ events: 1, attempts: 1 })
  expect(await store.attempts(id)).toMatchObject([
    { outcome: 'DECLINED', gatewayRef: 'ch_no', lastError: 'stolen_card', createdAt: open?.createdAt },
  ])
})

// F24
test('a claim of a program of the version before keeps when the first attempt began', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  const [before] = await store.attempts(id)
  await expireLease(sql, id)
  expect(await earlier.claim(id)).toMatchObject({ fence: 2, takeovers: 1 })
  expect(await countRows(id)).toEqual({ events: 1, attempts: 1 })
  expect(await store.attempts(id)).toMatchObject([{ createdAt: before?.createdAt, fence: 2, takeovers: 1 }])
})

// F24
test('both versions of the webhook dispatcher take the same events', async () => {
  const id = await createSuccess()
  await sql`delete from webhook_outbox`
  const note = () =>
    sql`insert into webhook_outbox (payment_id, seq) select ${id}, seq from generate_series(1, 4) seq`
  await note()
  const today = await takeOutbox(sql, { most: 10 })
  await note()
  expect(today).toMatchObject(await takeOutboxEarlier(sql, { most: 10 }))
  expect(today).toHaveLength(4)
})

test('the events in the columns are noted for webhooks in the statement that sets them', async () => {
  await sql`
    insert into webhook_endpoints (id, url, event_types, secret)
    values ('we_1', 'https://example.com', '{payment.created,payment.processing}', 'secret')`
  await sql`delete from webhook_outbox`
  const relayed = await createSuccess()
  const { id } = await createPayment(store)
  await claim(store, id)
  await sql`update webhook_endpoints set event_types = null`
  const all = await createSuccess()
  await sql`update webhook_endpoints set deleted_at = clock_timestamp(), secret = null`
  await createSuccess()
  const notes = await sql`select payment_id, seq from webhook_outbox order by id`
  expect(notes.map((row) => `${row['payment_id']} ${row['seq']}`)).toEqual([
    ...[1, 3].map((seq) => `${relayed} ${seq}`),
    ...[1, 3].map((seq) => `${id} ${seq}`),
    ...[1, 2, 3, 4].map((seq) => `${all} ${seq}`),
  ])
})

// F23
test.each([
  `created_by = 'eve'`,
  `created_by = null`,
  `created_at = created_at - interval '1 hour'`,
  `queued_at = clock_timestamp()`,
  `queued_by = 'eve'`,
  `claimed_at = null, claimed_by = null`,
  `claimed_by = 'eve'`,
  `ended_at = clock_timestamp()`,
  `ended_at = null`,
  `gateway = 'other'`,
])('an event in the columns cannot change: %s', async (change) => {
  const id = await createSuccess()
  await expect(sql.unsafe(`update payments set ${change} where id = '${id}'`)).rejects.toMatchObject({
    constraint_name: 'payments_events_are_frozen',
  })
})

// F23
test.each([
  `queued_at = clock_timestamp()`,
  `queued_at = clock_timestamp(), queued_by = 'eve'`,
  `claimed_at = clock_timestamp(), claimed_by = 'eve'`,
  `claimed_at = clock_timestamp(), claimed_by = 'eve', fence = 1, event_seq = 2`,
  `ended_at = clock_timestamp()`,
])('an event in the columns is set in its own step only: %s', async (change) => {
  const { id } = await createPayment(store)
  await expect(sql.unsafe(`update payments set ${change} where id = '${id}'`)).rejects.toMatchObject({
    constraint_name: 'payments_events_are_frozen',
  })
})

// F23
test('no payment begins with more than its first event', async () => {
  const insert = (column: string, value: string) =>
    sql.unsafe(`
      insert into payments (id, amount, status, idempotency_key, event_seq, ${column})
      values ('pay_begin', 500, 'PENDING', 'begin', 1, ${value})`)
  for (const column of ['queued_at', 'claimed_at', 'ended_at'])
    await expect(insert(column, 'clock_timestamp()')).rejects.toMatchObject({
      constraint_name: 'payments_begin_pending',
    })
  await expect(insert('claimed_by', `'eve'`)).rejects.toMatchObject({
    constraint_name: 'payments_begin_pending',
  })
})

test('a second attempt is refused while the first one is open without a row', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  await expect(
    sql`insert into payment_attempts (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence)
        values (${id}, 2, 'simulated', ${`titan_${id}_2`}, 500, 'USD', 1)`,
  ).rejects.toMatchObject({ constraint_name: 'payment_attempts_follow_decline' })
  await expect(sql`update payments set attempt_no = 2, fence = 2 where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_one_attempt_at_a_time',
  })
})

test('what follows an incident is rows', async () => {
  const { id } = await createPayment(store)
  await store.markQueued([id], 'relay')
  await makeDue(sql, id, 60_000)
  expect(
    await store.takeLost({ limit: 100, queuedAgeMs: 0, processingAgeMs: 0, actor: 'reconciler' }),
  ).toHaveLength(1)
  const held = await claim(store, id)
  await store.settle(settlementOf(held, successOf(held)))
  expect(await countRows(id)).toEqual({ events: 3, attempts: 1 })
  expect((await store.events(id)).map(({ seq, type }) => `${seq} ${type}`)).toEqual([
    '1 payment.created',
    '2 payment.queued',
    '3 payment.requeued',
    '4 payment.processing',
    '5 payment.succeeded',
  ])
})
