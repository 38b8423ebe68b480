import { expect, test } from 'vitest'
import { earlierStatement } from '@titan/testkit'
import { createPaymentStore, type Claim } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { batched } from '../src/store/batched.ts'
import { authorizedPayment, claimByHand, createMovement, endMovement, sumsOf } from './support/movements.ts'
import { newKey, paymentIn } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** Inserts a movement as a program with a fault would. */
async function insertByHand(movement: Readonly<Record<string, string | number>>): Promise<void> {
  const row = { currency: 'USD', status: 'PENDING', idempotency_key: newKey(), event_seq: 1, ...movement }
  await sql`insert into payments ${sql(row)}`
}

let count = 0
const idOf = (prefix: string): string => `${prefix}_${String(++count).padStart(32, '0')}`

test('50 refunds at the same time never exceed what was charged', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      store.createMovement({ kind: 'refund', paymentId, amount: 30, idempotencyKey: newKey() }),
    ),
  )
  expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(16)
  expect(answers.filter(({ kind }) => kind === 'refused')).toHaveLength(34)
  expect(answers.find(({ kind }) => kind === 'refused')).toEqual({
    kind: 'refused',
    reason: 'exceeds',
    available: 20,
  })
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 480 })
})

test('50 requests of one key at the same time are one refund', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      store.createMovement({ kind: 'refund', paymentId, amount: 300, idempotencyKey: 'once' }),
    ),
  )
  expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1)
  expect(answers.filter(({ kind }) => kind === 'replayed')).toHaveLength(49)
  expect(new Set(answers.map((answer) => 'movement' in answer && answer.movement.id)).size).toBe(1)
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 300 })
})

test('of 20 captures and voids at the same time one is accepted', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      store.createMovement({
        kind: index % 2 === 0 ? 'capture' : 'void',
        paymentId,
        idempotencyKey: newKey(),
      }),
    ),
  )
  expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1)
})

const earlierClaim = earlierStatement<Claim>('claim')
/** Claims as a worker of the version before does: in batches, and one by one when the database refuses a batch. */
const claimAsBefore = () =>
  batched(
    async (ids: readonly string[]) => {
      const claims = await earlierClaim(sql, { ids, owner: 'w-old', leaseMs: 10_000, gateway: 'simulated' })
      return ids.map((id) => claims.some(({ paymentId }) => paymentId === id))
    },
    { isItemFault: () => true },
  )

test('a worker of the version before claims the charges of a batch and no movement', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const refund = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  const unsent = await store.movement(refund.id)
  const charges = [await paymentIn(store, sql, 'PENDING'), await paymentIn(store, sql, 'QUEUED')]
  const claim = claimAsBefore()
  const ids = [charges[0]?.id ?? '', refund.id, charges[1]?.id ?? '']
  const [first, second, third] = await Promise.allSettled(ids.map((id) => claim(id)))
  expect([first, third]).toEqual([
    { status: 'fulfilled', value: true },
    { status: 'fulfilled', value: true },
  ])
  expect(second).toMatchObject({
    status: 'rejected',
    reason: { code: '23514', constraint_name: 'payments_claimed_by_kind' },
  })
  expect(await store.movement(refund.id)).toEqual(unsent)
  expect(await store.attempts(refund.id)).toEqual([])
  expect(await store.events(refund.id)).toHaveLength(1)
})

test('a movement that a new worker claimed once is not claimed by an old one either', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  await claimByHand(sql, id)
  await sql`update payments set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`
  await expect(claimAsBefore()(id)).rejects.toMatchObject({ constraint_name: 'payments_claimed_by_kind' })
})

test.each([
  [{ prefix: 'pay', parent: true }, 'payments_parent_by_kind'],
  [{ prefix: 'ref', parent: false }, 'payments_parent_by_kind'],
  [{ prefix: 'void', parent: false }, 'payments_parent_by_kind'],
])('the prefix of an id says whether it has a parent: %j', async ({ prefix, parent }, constraint_name) => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const row = { id: idOf(prefix), amount: 1, ...(parent && { parent_id: paymentId }) }
  // The kind of a charge fits no rule for movements, so either check may be the first.
  await expect(insertByHand(row)).rejects.toMatchObject({
    constraint_name: parent ? expect.stringMatching(/^payments_/) : constraint_name,
  })
})

test.each([
  [
    'a refund of a payment that is not SUCCESS',
    'PROCESSING',
    { prefix: 'ref' },
    'payments_refund_of_success',
  ],
  ['a refund of more than was charged', 'SUCCESS', { prefix: 'ref', amount: 501 }, 'payments_refunds_fit'],
  [
    'a refund in another currency',
    'SUCCESS',
    { prefix: 'ref', currency: 'EUR' },
    'payments_movement_in_currency',
  ],
  ['a capture of a charge', 'SUCCESS', { prefix: 'cap' }, 'payments_movement_of_authorized'],
  ['a capture of what is not authorized', 'PROCESSING', { prefix: 'cap' }, 'payments_movement_of_authorized'],
  ['a void of what is not sent', 'PENDING', { prefix: 'void' }, 'payments_movement_of_authorized'],
] as const)('the database refuses %s', async (_name, status, { prefix, ...row }, constraint_name) => {
  const { id: paymentId } = await paymentIn(store, sql, status)
  await expect(
    insertByHand({ id: idOf(prefix), parent_id: paymentId, amount: 500, ...row }),
  ).rejects.toMatchObject({ constraint_name })
})

test.each([
  ['a capture of more than is authorized', { prefix: 'cap', amount: 501 }, 'payments_capture_fits'],
  ['a void of a part', { prefix: 'void', amount: 499 }, 'payments_void_is_whole'],
])('the database refuses %s', async (_name, { prefix, amount }, constraint_name) => {
  const { id } = await authorizedPayment(store, sql)
  await expect(insertByHand({ id: idOf(prefix), parent_id: id, amount })).rejects.toMatchObject({
    constraint_name,
  })
})

test('the database refuses a void beside a capture', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  await createMovement(store, { kind: 'capture', paymentId, amount: 1 })
  await expect(insertByHand({ id: idOf('void'), parent_id: paymentId, amount: 500 })).rejects.toMatchObject({
    constraint_name: 'payments_one_capture_or_void',
  })
})

test('the database refuses a movement of a movement, and one of nothing', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  await endMovement(sql, id, 'SUCCESS')
  for (const parent of [id, 'pay_unknown'])
    await expect(insertByHand({ id: idOf('ref'), parent_id: parent, amount: 1 })).rejects.toMatchObject({
      constraint_name: 'payments_movement_of_charge',
    })
})

test('a row that steps aside for another one of its key reserves nothing', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  await sql`
    insert into payments (id, parent_id, amount, currency, status, idempotency_key, event_seq)
    select ${idOf('ref')}, parent_id, amount, currency, 'PENDING', idempotency_key, 1 from payments where id = ${id}
        on conflict (idempotency_key) do nothing`
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 10 })
})

test.each([
  'amount = 11',
  "currency = 'EUR'",
  'parent_id = null',
  "idempotency_key = 'other'",
  "id = 'ref_other'",
])('of a refund cannot change: %s', async (change) => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  await expect(sql.unsafe(`update payments set ${change} where id = '${id}'`)).rejects.toMatchObject({
    constraint_name: expect.stringMatching(/^payments_(request_is_frozen|parent_by_kind)$/),
  })
})

test('a movement that has ended stays as it is', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const { id } = await createMovement(store, { kind: 'capture', paymentId })
  await endMovement(sql, id, 'FAILED')
  await expect(
    sql`update payments set status = 'SUCCESS', gateway_ref = 'x', event_seq = event_seq + 1 where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_terminal_is_final' })
})

test('what was captured is written once', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const { id } = await createMovement(store, { kind: 'capture', paymentId, amount: 300 })
  await endMovement(sql, id, 'SUCCESS')
  await expect(sql`update payments set amount_captured = 400 where id = ${paymentId}`).rejects.toMatchObject({
    constraint_name: 'payments_request_is_frozen',
  })
})

test("the gateway's id of a refund belongs to one refund", async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const first = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  const second = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  await endMovement(sql, first.id, 'SUCCESS', 're_same')
  await expect(endMovement(sql, second.id, 'SUCCESS', 're_same')).rejects.toMatchObject({
    constraint_name: 'payments_refund_of_one_movement',
  })
})

test.each([
  ['payments_captured_fits', 'amount_captured = amount + 1'],
  ['payments_refunds_fit', 'refunds_reserved = amount + 1'],
  ['payments_refunds_fit', 'refunds_reserved = -1'],
  ['payments_refunded_is_reserved', 'refunds_reserved = 10, amount_refunded = 11'],
  ['payments_refunded_is_reserved', 'amount_refunded = 1'],
])('the database keeps the sums of a payment: %s', async (constraint_name, change) => {
  const { id } = await paymentIn(store, sql, 'SUCCESS')
  await expect(sql.unsafe(`update payments set ${change} where id = '${id}'`)).rejects.toMatchObject({
    constraint_name,
  })
})

test('the database refuses a second refund of a contradicting charge', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const reference = `dup_${paymentId}`
  const detail = { amount: 500, currency: 'USD' }
  const charged = { kind: 'duplicate_charge', paymentId, gateway: 'simulated', reference, detail } as const
  await store.recordBreak(charged)
  await createMovement(store, { kind: 'refund', paymentId, chargeRef: reference })
  await expect(
    insertByHand({ id: idOf('ref'), parent_id: paymentId, charge_ref: reference, amount: 500 }),
  ).rejects.toMatchObject({ constraint_name: 'payments_one_refund_of_charge' })
})

test('a worker of another gateway leaves a refund alone, and the gateway of a refund never changes', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
  const options = { owner: 'w1', leaseMs: 10_000, gateway: 'other' }
  expect(await store.claim(id, options)).toMatchObject({ kind: 'skipped', reason: 'other_gateway' })
  await expect(sql`update payments set gateway = 'other' where id = ${id}`).rejects.toMatchObject({
    constraint_name: expect.stringMatching(/^payments_(request_is|events_are)_frozen$/),
  })
  await expect(
    sql`update payments set gateway = 'other', attempt_no = 1, attempt_open = true where id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payments_request_is_frozen' })
  expect(await store.claim(id, { ...options, gateway: 'simulated' })).toMatchObject({ kind: 'claimed' })
})

test('a payment waits for what is known', async () => {
  const { id } = await authorizedPayment(store, sql)
  await expect(sql`update payments set waits_for = 'rain' where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_waits_for_known',
  })
})
