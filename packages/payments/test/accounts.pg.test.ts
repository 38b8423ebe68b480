import { readFileSync } from 'node:fs'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { createPaymentStore, type CreateAnswer, type ListFilter, type PaymentPage } from '../src/index.ts'
import { pagePayments } from '../src/store/list.ts'
import { pageMovements } from '../src/store/movements.ts'
import { claim, expireLease, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

type CreatedAnswer = Extract<CreateAnswer, { readonly payment: unknown }>

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

beforeAll(async () => {
  await sql`insert into accounts (id, name) values ('north', 'North'), ('south', 'South'), ('refund', 'Named as a kind')`
})

function create(account: string | undefined, idempotencyKey: string, amount = 500) {
  return store.create({ account, idempotencyKey, amount })
}

async function created(account: string | undefined, idempotencyKey: string, amount?: number) {
  const answer = await create(account, idempotencyKey, amount)
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
      expect(await read(store, payment.id)).toMatchObject(payment)
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
      values (${`ref_${'0'.repeat(32)}`}, ${paymentId}, 1, 'USD', 'PENDING', ${`refund ${paymentId} forged`}, 1, 'south') returning account`
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

describe('a program of the version before, which knows only default', () => {
  /** A statement as that program sends it. */
  const earlier = (name: string): string => {
    const source = readFileSync(new URL(`../statements/${name}.sql`, import.meta.url), 'utf8')
    const text = source.replaceAll(/^.*account_fence.*\n/gm, '')
    if (text === source) throw new Error(`${name}.sql does not say that it knows accounts`)
    return text
  }
  /** What later versions ask for besides is null. */
  const send = (name: string, values: (string | number | string[])[]) => {
    const text = earlier(name)
    const count = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, index]) => Number(index)))
    const all = Array.from({ length: count }, (_, index) => values[index] ?? null)
    return sql.unsafe(text, all as string[])
  }
  const claimEarlier = (name: 'claim' | 'claim_first', id: string) =>
    send(name, [[id], 'earlier', 10_000, 'simulated'])
  const refusal = { constraint_name: 'payments_claimed_with_account' }

  it.each(['claim', 'claim_first'] as const)('claims with %s.sql what is of default', async (name) => {
    const { id } = await created(undefined, `earlier-${name}`)
    expect(await claimEarlier(name, id)).toHaveLength(1)
  })

  it.each(['claim', 'claim_first'] as const)(
    'claims with %s.sql nothing of another account',
    async (name) => {
      const { id } = await created('north', `earlier-${name}`)
      await expect(claimEarlier(name, id)).rejects.toMatchObject(refusal)
      await claim(store, id)
      await expireLease(sql, id)
      // Nor does it take over what a worker of today left, or write the gateway's answer to it.
      await expect(claimEarlier('claim', id)).rejects.toMatchObject(refusal)
      const seized = send('seize', [id, 1, 'simulated', 'earlier', 10_000])
      await expect(seized).rejects.toMatchObject(refusal)
      expect(await claim(store, id)).toMatchObject({ account: 'north', fence: 2, mode: 'resolve' })
    },
  )

  it('claims no refund of another account', async () => {
    const paymentId = await charged('north', 'earlier-refund')
    const answer = await store.createMovement({ kind: 'refund', paymentId, idempotencyKey: 'r' })
    if (answer.kind !== 'created') throw new Error(answer.kind)
    await expect(claimEarlier('claim', answer.movement.id)).rejects.toMatchObject(refusal)
    expect((await claim(store, answer.movement.id)).account).toBe('north')
  })

  it('does not keep an operator of today from asking again about what a late charge parked under a lease', async () => {
    const { id } = await created('north', 'parked')
    await claim(store, id)
    await sql`update payments set needs_review = true where id = ${id}`
    await expireLease(sql, id)
    const decision = { to: 'RETRY', operator: 'o', note: 'n' } as const
    expect(await store.decideReview(id, decision)).toBe('decided')
    expect(await claim(store, id)).toMatchObject({ fence: 3, mode: 'resolve' })
  })
})

describe('a list of an account', () => {
  const pages = async (filter: ListFilter, mostExamined: number): Promise<PaymentPage[]> => {
    const all: PaymentPage[] = []
    let after: string | undefined
    do {
      const page: PaymentPage = await pagePayments(sql, { ...filter, after }, mostExamined)
      all.push(page)
      after = page.next
    } while (after !== undefined && all.length < 100)
    return all
  }

  it('has its own payments only, and every place to continue after is its own or of no payment', async () => {
    const own: Record<string, string[]> = { default: [], north: [], south: [] }
    for (let index = 0; index < 40; index++) {
      const account = index % 10 === 0 ? 'south' : index % 3 === 0 ? 'north' : 'default'
      own[account]?.push((await created(account, `listed-${index}`, 700 + index)).id)
    }
    for (const [account, ids] of Object.entries(own)) {
      const found = await pages({ account, minAmount: 700, maxAmount: 739, limit: 3 }, 7)
      expect(found.flatMap(({ payments }) => payments.map(({ id }) => id))).toEqual(ids.toReversed())
      const others = new Set(
        Object.values(own)
          .flat()
          .filter((id) => !ids.includes(id)),
      )
      expect(found.filter(({ next }) => next !== undefined && others.has(next))).toEqual([])
    }
  })

  it('ends after its own refunds, however many others have', async () => {
    const own: Record<string, string[]> = { default: [], north: [] }
    for (const account of ['north', 'default', 'default', 'default', 'default', 'north']) {
      const paymentId = await charged(account, `refunds-of-${account}-${own[account]?.length}`)
      const answer = await store.createMovement({ kind: 'refund', paymentId, idempotencyKey: 'r' })
      if (answer.kind !== 'created') throw new Error(answer.kind)
      own[account]?.push(answer.movement.id)
    }
    const first = await pageMovements(sql, { kind: 'refund', account: 'north', limit: 1 }, 2)
    expect(first.movements.map(({ id }) => id)).toEqual([own['north']?.[1]])
    const second = await pageMovements(
      sql,
      { kind: 'refund', account: 'north', limit: 1, after: first.next },
      2,
    )
    expect(second.movements.map(({ id }) => id)).toEqual([own['north']?.[0]])
    const ofDefault = await pageMovements(sql, { kind: 'refund', account: 'default', limit: 10 }, 3)
    expect(ofDefault.movements.map(({ id }) => id)).toEqual(own['default']?.slice(-2).toReversed())
    expect(ofDefault.next).toMatch(/^ref_[\da-f]{24}00000000$/)
  })

  it('finds a key in its own account, or in all for an operator', async () => {
    const ids = []
    for (const account of [undefined, 'north', 'south']) ids.push((await created(account, 'wanted')).id)
    const found = async (filter: ListFilter) =>
      (await pagePayments(sql, { ...filter, idempotencyKey: 'wanted' })).payments
    expect((await found({})).map(({ id }) => id)).toEqual(ids.toReversed())
    for (const [index, account] of ['default', 'north', 'south'].entries())
      expect((await found({ account })).map(({ id }) => id)).toEqual([ids[index]])
    expect(await found({ account: 'refund' })).toEqual([])
  })

  it('searches its own payments only', async () => {
    const search = { reference: 'order-same', metadata: { cart: 'same' } }
    const ids: Record<string, string> = {}
    for (const account of ['default', 'north']) {
      const { payment } = (await store.create({
        account,
        idempotencyKey: 'said',
        amount: 500,
        ...search,
      })) as CreatedAnswer
      ids[account] = payment.id
    }
    for (const filter of [{ reference: 'order-' }, { metadata: { cart: 'same' } }]) {
      for (const account of ['default', 'north'])
        expect((await store.page({ ...filter, account })).payments.map(({ id }) => id)).toEqual([
          ids[account],
        ])
      expect((await store.page({ ...filter, account: 'south' })).payments).toEqual([])
    }
  })
})
