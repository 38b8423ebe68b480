import { expect, test } from 'vitest'
import { createPaymentStore, PAYMENT_STATUSES, type PaymentStatus } from '../src/index.ts'
import { writeAsRows } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, paymentIn } from './support/payments.ts'
import { isLegal } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** Moves a payment by hand, with everything that any transition may need, so only the step itself is judged. */
async function moveByHand(id: string, to: PaymentStatus): Promise<void> {
  await sql`
    update payments
       set status = ${to}, fence = fence + 1, event_seq = event_seq + 1, attempt_open = ${to === 'PROCESSING'},
           gateway_ref  = ${to === 'SUCCESS' ? 'ch_1' : null},
           failure_code = ${to === 'FAILED' ? 'stolen_card' : null},
           failure_kind = ${to === 'FAILED' ? 'hard_decline' : null}
     where id = ${id}`
}

const steps = PAYMENT_STATUSES.flatMap((from) =>
  PAYMENT_STATUSES.filter((to) => to !== from).map((to) => ({ from, to })),
)

test.each(steps.filter(({ from, to }) => isLegal(from, to)))(
  'the database allows $from -> $to',
  async ({ from, to }) => {
    const { id } = await paymentIn(store, sql, from)
    await moveByHand(id, to)
    expect(await store.get(id)).toMatchObject({ status: to })
  },
)

test.each(steps.filter(({ from, to }) => !isLegal(from, to)))(
  'the database refuses $from -> $to',
  async ({ from, to }) => {
    const { id } = await paymentIn(store, sql, from)
    const isFinal = from === 'SUCCESS' || from === 'FAILED'
    await expect(moveByHand(id, to)).rejects.toMatchObject({
      code: '23514',
      constraint_name: isFinal ? 'payments_terminal_is_final' : 'payments_legal_transition',
    })
    expect(await store.get(id)).toMatchObject({ status: from })
  },
)

test('a payment begins as PENDING', async () => {
  await expect(
    sql`insert into payments (id, amount, status, idempotency_key) values ('pay_x', 1, 'SUCCESS', 'x')`,
  ).rejects.toMatchObject({ constraint_name: 'payments_begin_pending' })
})

test('a status that does not exist is refused', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await expect(
    sql`update payments set status = 'DONE', event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toThrow()
})

test.each([0, -1])('an amount of %i is refused', async (amount) => {
  await expect(
    sql`insert into payments (id, amount, status, idempotency_key) values ('pay_x', ${amount}, 'PENDING', 'x')`,
  ).rejects.toMatchObject({ constraint_name: 'payments_amount_in_range' })
})

test('an amount beyond 2^53 - 1 is refused', async () => {
  await expect(
    sql.unsafe(
      `insert into payments (id, amount, status, idempotency_key) values ('pay_x', 9007199254740992, 'PENDING', 'x')`,
    ),
  ).rejects.toMatchObject({ constraint_name: 'payments_amount_in_range' })
})

test('a terminal payment keeps its evidence', async () => {
  const { id } = await paymentIn(store, sql, 'SUCCESS')
  await expect(sql`update payments set gateway_ref = 'ch_2' where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_terminal_is_final',
  })
})

// F23
test('a transition without an event is refused', async () => {
  const { id } = await paymentIn(store, sql, 'PENDING')
  await expect(sql`update payments set status = 'QUEUED' where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_transition_has_event',
  })
})

test('a claim that does not move the fence is refused', async () => {
  const { id } = await paymentIn(store, sql, 'QUEUED')
  await expect(
    sql`update payments set status = 'PROCESSING', event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_claim_moves_fence' })
})

test('a fence never goes back', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await expect(sql`update payments set fence = fence - 1 where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_fence_grows',
  })
})

test('a failure without evidence is refused', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await expect(
    sql`update payments set status = 'FAILED', attempt_open = false, event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_failure_has_evidence' })
})

test("a success without the gateway's reference is refused", async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await expect(
    sql`update payments set status = 'SUCCESS', attempt_open = false, event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_success_has_evidence' })
})

test("an unknown outcome does not become a failure without the gateway's answer", async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await sql`update payments set unknown_since = now() where id = ${id}`
  await expect(
    sql`update payments set status = 'FAILED', failure_code = 'gateway_unreachable', failure_kind = 'not_sent',
               attempt_open = false, event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_unknown_needs_evidence' })
  await expect(
    sql`update payments set status = 'QUEUED', event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_unknown_needs_evidence' })
})

test('a payment with an attempt cannot be canceled by hand', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await sql`update payments set status = 'QUEUED', event_seq = event_seq + 1 where id = ${id}`
  await expect(
    sql`update payments set status = 'FAILED', failure_code = 'canceled', failure_kind = 'canceled',
               attempt_open = false, event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_cancel_before_attempt' })
})

test.each([
  'amount = amount + 1',
  "currency = 'EUR'",
  "idempotency_key = 'other'",
  "id = 'pay_other'",
  "request_hash = ''",
  "request_digest = ''",
  'manual_capture = true',
  'customer_present = true',
  "priority = 'high'",
  'execute_at = clock_timestamp()',
  'expires_at = clock_timestamp()',
])('what the client asked for cannot change: %s', async (change) => {
  const { id } = await createPayment(store)
  await expect(sql.unsafe(`update payments set ${change} where id = '${id}'`)).rejects.toMatchObject({
    constraint_name: 'payments_request_is_frozen',
  })
})

// F23 illegal statements by hand: refused by the database
test('a second open attempt is refused', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await writeAsRows(sql, [id])
  await expect(insertAttempt(id, 2)).rejects.toMatchObject({
    constraint_name: 'payment_attempts_follow_decline',
  })
  await sql`alter table payment_attempts disable trigger payment_attempts_check_insert`
  try {
    await expect(insertAttempt(id, 2)).rejects.toMatchObject({ constraint_name: 'payment_attempts_one_open' })
  } finally {
    await sql`alter table payment_attempts enable trigger payment_attempts_check_insert`
  }
})

// F23
test('a second successful attempt is refused', async () => {
  const { id } = await paymentIn(store, sql, 'PROCESSING')
  await writeAsRows(sql, [id])
  await sql`update payment_attempts set outcome = 'SUCCEEDED', decided_at = now() where payment_id = ${id}`
  await expect(insertAttempt(id, 2, 'SUCCEEDED')).rejects.toMatchObject({
    constraint_name: 'payment_attempts_follow_decline',
  })
  await sql`alter table payment_attempts disable trigger payment_attempts_check_insert`
  try {
    await expect(insertAttempt(id, 2, 'SUCCEEDED')).rejects.toMatchObject({
      constraint_name: 'payment_attempts_one_success',
    })
  } finally {
    await sql`alter table payment_attempts enable trigger payment_attempts_check_insert`
  }
})

test('a gateway key that is not derived from payment and attempt is refused', async () => {
  const { id } = await createPayment(store)
  await expect(insertAttempt(id, 1, null, 'random-key')).rejects.toMatchObject({
    constraint_name: 'payment_attempts_key_is_derived',
  })
})

test.each(['amount = amount + 1', "currency = 'EUR'", "gateway = 'other'"])(
  'the parameters of an attempt cannot change: %s',
  async (change) => {
    const { id } = await paymentIn(store, sql, 'PROCESSING')
    await writeAsRows(sql, [id])
    await expect(
      sql.unsafe(`update payment_attempts set ${change} where payment_id = '${id}'`),
    ).rejects.toMatchObject({ constraint_name: 'payment_attempts_are_frozen' })
  },
)

test('a decided attempt cannot change', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  await writeAsRows(sql, [id])
  await sql`update payment_attempts set outcome = 'DECLINED', decided_at = now() where payment_id = ${id}`
  await expect(
    sql`update payment_attempts set outcome = 'SUCCEEDED' where payment_id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payment_attempts_are_frozen' })
})

test('events can be neither changed nor removed', async () => {
  const { id } = await createPayment(store)
  await expect(sql`update payment_event_rows set actor = 'x' where payment_id = ${id}`).rejects.toMatchObject(
    { constraint_name: 'payment_events_append_only' },
  )
  await expect(sql`delete from payment_event_rows where payment_id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payment_events_append_only',
  })
})

async function insertAttempt(
  id: string,
  attemptNo: number,
  outcome: string | null = null,
  key = `titan_${id}_${attemptNo}`,
): Promise<void> {
  await sql`
    insert into payment_attempts (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, outcome, decided_at)
    values (${id}, ${attemptNo}, 'simulated', ${key}, 500, 'USD', 1, ${outcome}, ${outcome === null ? null : sql`now()`})`
}
