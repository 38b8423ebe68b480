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
      expect(await store.findReplay({ account: payment.account, idempotencyKey: 'same-key', amount: 500 })).toEqual({
        kind: 'replayed',
        payment,
      })
    }
    const stored = await sql<{ key: string }[]>`select idempotency_key as key from payments where account is not null order by 1`
    expect(stored.map(({ key }) => key)).toEqual(['north same-key', 'refund same-key', 'south same-key'])
  })
})
