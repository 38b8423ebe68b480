import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { firstFingerprint } from '../src/domain/request.ts'
import { createPaymentStore, type PaymentRequest } from '../src/index.ts'
import { earlierProgram } from './support/earlier.ts'
import { claim, createPayment, expireLease, newKey, paymentIn, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const SAID = {
  returnUrl: 'https://shop.example/back',
  paymentMethod: { stripe: 'pm_1', adyen: 'tok_2' },
  customer: 'cus_1',
  reference: 'order "4711" \\ ü',
  description: 'Two chairs, {a,b}',
  statementDescriptor: 'SHOP CHAIRS',
  metadata: { cart: '17', 'ä,"\\': '\u2028 ünï' },
} as const

async function createWith(more: Partial<PaymentRequest>): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), ...more })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.payment.id
}

test('what a payment says is stored, read, listed and claimed as it was said', async () => {
  const executeAt = new Date('2026-01-01T00:00:00.123Z')
  const expiresAt = new Date('2099-01-01T00:00:00.456Z')
  const times = { executeAt, expiresAt, priority: 'low', capture: 'manual', customerPresent: true } as const
  // Plain ones in the same statement keep none of it.
  const [answer, plain] = await Promise.all([
    store.create({ amount: 500, idempotencyKey: newKey(), ...SAID, ...times }),
    store.create({ amount: 500, idempotencyKey: newKey() }),
  ])
  if (answer.kind !== 'created' || plain.kind !== 'created') throw new Error('not created')
  const { id } = answer.payment
  const details = { ...SAID, nextAction: null, erasedAt: null }
  expect(answer.payment).toMatchObject({ ...times, details })
  expect(await store.get(id)).toEqual(answer.payment)
  expect((await store.page({})).payments).toEqual(
    [await read(store, plain.payment.id), answer.payment].toSorted((one, other) =>
      one.id < other.id ? 1 : -1,
    ),
  )
  expect(plain.payment).toMatchObject({
    details: null,
    priority: 'default',
    executeAt: null,
    expiresAt: null,
  })
  expect(await claim(store, id)).toMatchObject({ details, capture: 'manual', customerPresent: true })
  expect(await claim(store, plain.payment.id)).toMatchObject({ details: null })
})

test('a payment that says nothing of it has no row and no value', async () => {
  const { id } = await createPayment(store)
  expect(await sql`select from payment_details where payment_id = ${id}`).toEqual([])
  expect(
    await sql`
      select num_nonnulls(request_hash, has_details, manual_capture, customer_present, priority, execute_at, expires_at) as said
        from payments where id = ${id}`,
  ).toEqual([{ said: 0 }])
})

test('a repeat is a replay as long as it says the same', async () => {
  const request = { amount: 500, idempotencyKey: newKey(), ...SAID }
  expect(await store.create(request)).toMatchObject({ kind: 'created' })
  const { cart, ...others } = SAID.metadata
  expect(await store.create({ ...request, metadata: { ...others, cart } })).toMatchObject({
    kind: 'replayed',
  })
  expect(await store.create({ ...request, reference: 'order-2' })).toEqual({ kind: 'mismatch' })
  expect(await store.create({ amount: 500, idempotencyKey: request.idempotencyKey })).toEqual({
    kind: 'mismatch',
  })
})

test('a repeat stays one when its times have passed', async () => {
  const past = new Date(Date.now() - 60_000)
  const request = { amount: 500, idempotencyKey: newKey(), expiresAt: new Date(Date.now() + 60_000) }
  await store.create(request)
  await sql`alter table payments disable trigger payments_check_members`
  await sql`update payments set expires_at = ${past} where idempotency_key = ${request.idempotencyKey}`
  await sql`alter table payments enable trigger payments_check_members`
  // Another time is another request, also when it has passed.
  expect(await store.create({ ...request, expiresAt: past })).toEqual({ kind: 'mismatch' })
  await expect(store.create({ ...request, idempotencyKey: newKey(), expiresAt: past })).rejects.toMatchObject(
    { code: 'INVALID_PAYMENT' },
  )
})

test('a row of the first version is compared by that version', async () => {
  const key = newKey()
  await sql`
    insert into payments (id, amount, status, idempotency_key, request_hash, event_seq)
    values (${`pay_${key}`}, 500, 'PENDING', ${key}, ${firstFingerprint({ amount: 500 })}, 1)`
  expect(await store.create({ amount: 500, idempotencyKey: key })).toMatchObject({ kind: 'replayed' })
  expect(await store.create({ amount: 501, idempotencyKey: key })).toEqual({ kind: 'mismatch' })
  expect(await store.create({ amount: 500, idempotencyKey: key, reference: 'order-1' })).toEqual({
    kind: 'mismatch',
  })
})

test('a program from before finds the plain payments of this one, and answers a repeat as one', async () => {
  const { id, idempotencyKey } = await createPayment(store)
  // Its statement, and its comparison: without a hash the fields of the row say what was asked for.
  const rows = await sql<{ request_hash: string | null; amount: number; currency: string }[]>`
    select request_hash, amount, currency from payments where idempotency_key = any(${[idempotencyKey]}::text[])`
  expect(rows).toEqual([{ request_hash: null, amount: 500, currency: 'USD' }])
  expect((await read(store, id)).status).toBe('PENDING')
})

test.each([
  'payment_method = null',
  'customer = null',
  "reference = 'other'",
  'description = null',
  'statement_descriptor = null',
  "metadata = '{}'",
  "return_url = 'https://shop.example'",
  "digest = ''",
  "payment_id = 'pay_other'",
])('details cannot change: %s', async (change) => {
  const id = await createWith(SAID)
  await expect(
    sql.unsafe(`update payment_details set ${change} where payment_id = '${id}'`),
  ).rejects.toMatchObject({ constraint_name: 'payment_details_are_frozen' })
  await expect(sql`delete from payment_details where payment_id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payment_details_are_frozen',
  })
})

test('details are erased as a whole and once, when the payment is final', async () => {
  const { id } = await paymentIn(store, sql, 'SUCCESS')
  await sql`insert into payment_details (payment_id, reference) values (${id}, 'order-1')`
  const pending = await createWith(SAID)
  const erase = (one: string) =>
    sql`
      update payment_details
         set payment_method = null, customer = null, reference = null, description = null, statement_descriptor = null,
             metadata = null, return_url = null, erased_at = clock_timestamp()
       where payment_id = ${one}`
  await expect(
    sql`update payment_details set erased_at = clock_timestamp() where payment_id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payment_details_erased_is_empty' })
  await expect(erase(pending)).rejects.toMatchObject({ constraint_name: 'payment_details_are_frozen' })
  await erase(id)
  await expect(
    sql`update payment_details set erased_at = null, reference = 'order-1' where payment_id = ${id}`,
  ).rejects.toMatchObject({ constraint_name: 'payment_details_are_frozen' })
})

// A worker of the version before runs alongside: it charges no payment whose request it cannot read
test.each([
  ['a payment method', SAID],
  ['a time after which nothing may be sent', { expiresAt: new Date('2099-01-01') }],
])(
  'a program from before never claims a payment with %s, and still claims the others',
  async (_what, more) => {
    const earlier = earlierProgram(sql)
    const [said, plain] = [await createWith(more), (await createPayment(store)).id]
    await expect(earlier.claim(said)).rejects.toMatchObject({
      constraint_name: 'payments_claimed_with_details',
    })
    expect(await earlier.claim(plain)).toBeTruthy()
    expect(await claim(store, said)).toMatchObject({ mode: 'send' })
    // Nor one whose lease ran out: it may never have been sent.
    await expireLease(sql, said)
    await expect(earlier.claim(said)).rejects.toMatchObject({
      constraint_name: 'payments_claimed_with_details',
    })
    expect(await claim(store, said)).toMatchObject({ mode: 'resolve' })
  },
)
