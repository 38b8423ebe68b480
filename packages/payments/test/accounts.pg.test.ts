import { createMigratedDatabase } from '@titan/testkit/vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { createPaymentStore } from '../src/index.ts'
import { claim, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

beforeAll(async () => {
  await sql`insert into accounts (id, name) values ('north', 'North'), ('south', 'South'), ('refund', 'Named as a kind')`
})

function create(account: string | undefined, idempotencyKey: string, amount = 500) {
  return store.create({ account, idempotencyKey, amount })
}

async function created(account: string | undefined, idempotencyKey: string) {
  const answer = await create(account, idempotencyKey)
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.payment
}

/** A payment that SUCCEEDED. */
async function charged(account: string | undefined, idempotencyKey: string) {
  const { id } = await created(account, idempotencyKey)
  const held = await claim(store, id)
  expect(held.account).toBe(account ?? 'default')
  await store.settle(settlementOf(held, successOf(held)))
  return id
}

describe('a payment of an account', () => {
  it('has its own idempotency keys: one key is a payment in each account', async () => {
    const payments = await Promise.all(
      [undefined, 'north', 'south', 'refund'].map((account) => created(account, 'same-key')),
    )
    expect(payments.map(({ account }) => account)).toEqual(['default', 'north', 'south', 'refund'])
    expect(new Set(payments.map(({ id }) => id)).size).toBe(4)
    for (const payment of payments) {
      expect(payment.idempotencyKey).toBe('same-key')
      expect(await read(store, payment.id)).toEqual(payment)
      expect(await create(payment.account, 'same-key')).toEqual({ kind: 'replayed', payment })
      expect(await create(payment.account, 'same-key', 501)).toEqual({ kind: 'mismatch' })
      expect(
        await store.findReplay({ account: payment.account, idempotencyKey: 'same-key', amount: 500 }),
      ).toEqual({ kind: 'replayed', payment })
    }
    const stored = await sql<
      { key: string }[]
    >`select idempotency_key as key from payments where account is not null order by 1`
    expect(stored.map(({ key }) => key)).toEqual(['north same-key', 'refund same-key', 'south same-key'])
  })
})

describe('a refund of an account', () => {
  it('has the account of its payment, whatever asks for it', async () => {
    const paymentId = await charged('north', 'refunded')
    const refund = { kind: 'refund', paymentId, amount: 100 } as const
    const answer = await store.createMovement({ ...refund, idempotencyKey: 'r-1', account: 'north' })
    expect(answer).toMatchObject({ kind: 'created', movement: { account: 'north', idempotencyKey: 'r-1' } })
    expect(await store.createMovement({ ...refund, idempotencyKey: 'r-2' })).toMatchObject({
      kind: 'created',
      movement: { account: 'north' },
    })
    const [forged] = await sql<{ account: string | null }[]>`
      insert into payments (id, parent_id, amount, currency, status, idempotency_key, event_seq, account)
      values ('ref_forged', ${paymentId}, 1, 'USD', 'PENDING', ${`refund ${paymentId} forged`}, 1, 'south') returning account`
    expect(forged?.account).toBe('north')
    expect((await store.movements(paymentId)).map(({ account }) => account)).toEqual([
      'north',
      'north',
      'north',
    ])
  })

  it('is not found by another account, which waits for no lock of it either', async () => {
    const paymentId = await charged('north', 'locked')
    const refund = { kind: 'refund', paymentId, idempotencyKey: 'r-1' } as const
    const none = { kind: 'refused', reason: 'not_found' }
    await sql.begin(async (transaction) => {
      await transaction`select from payments where id = ${paymentId} for update`
      for (const account of ['south', 'default'])
        expect(await store.createMovement({ ...refund, account })).toEqual(none)
    })
    expect(await store.createMovement({ ...refund, account: 'north' })).toMatchObject({ kind: 'created' })
    // Nor is what its key belongs to.
    expect(await store.createMovement({ ...refund, account: 'south' })).toEqual(none)
  })
})

describe('the database', () => {
  const insert = (id: string, account: string | null, key: string) => sql`
    insert into payments (id, amount, status, idempotency_key, event_seq, account)
    values (${id}, 500, 'PENDING', ${key}, 1, ${account})`

  it.each([
    ['a key of default that is stored for another account', null, 'north key', 'payments_key_of_account'],
    ['a key of an account that is stored as one of default', 'north', 'key', 'payments_key_of_account'],
    ['a key that is stored for another account', 'north', 'south key', 'payments_key_of_account'],
    ['a key without a word of the client', 'north', 'north ', 'payments_key_of_account'],
    ['a key with one word more', 'north', 'north key more', 'payments_key_of_account'],
    ['an account that does not exist', 'nowhere', 'nowhere key', 'payments_account_exists'],
    ['default by its name', 'default', 'default key', 'payments_default_is_null'],
  ])('refuses %s', async (_what, account, key, rule) => {
    await expect(insert('pay_refused', account, key)).rejects.toMatchObject({ constraint_name: rule })
  })

  it('keeps the account of a payment and of its movements, and accounts themselves', async () => {
    const id = await charged('north', 'kept')
    const answer = await store.createMovement({ kind: 'refund', paymentId: id, idempotencyKey: 'r' })
    if (answer.kind !== 'created') throw new Error(answer.kind)
    for (const row of [id, answer.movement.id])
      for (const account of ['south', null])
        await expect(sql`update payments set account = ${account} where id = ${row}`).rejects.toMatchObject({
          constraint_name: 'payments_request_is_frozen',
        })
    await expect(sql`update accounts set id = 'east' where id = 'north'`).rejects.toMatchObject({
      constraint_name: 'accounts_are_kept',
    })
    await expect(sql`delete from accounts where id = 'south'`).rejects.toMatchObject({
      constraint_name: 'accounts_are_kept',
    })
  })
})
