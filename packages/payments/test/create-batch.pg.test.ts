import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import {
  createPaymentStore,
  openDatabase,
  type Batch,
  type BatchAnswer,
  type Database,
  type NewPayment,
  type Queryable,
} from '../src/index.ts'
import { createBatch } from '../src/store/bulk/create-batch.ts'
import { newKey } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)

function linesOf(...payments: readonly NewPayment[]): Batch['lines'] {
  return payments.map((payment) => ({ payment }))
}

function kindsOf(answers: readonly BatchAnswer[]): string[] {
  return answers.map(({ kind }) => kind)
}

async function countKeys(keys: readonly string[]): Promise<number> {
  const [row] = await sql<{ total: number }[]>`
    select count(*) as total from payments where idempotency_key in ${sql(keys)}`
  return row?.total ?? Number.NaN
}

/** Counts the statements that go through a pool and its transactions. */
function counting(real: Database): { readonly database: Database; readonly count: () => number } {
  let statements = 0
  const wrap = (inner: Queryable): Queryable =>
    new Proxy(inner, {
      get(target, name, receiver) {
        if (name === 'unsafe') statements++
        if (name !== 'begin') return Reflect.get(target, name, receiver)
        return (work: (transaction: Queryable) => unknown) =>
          (target as Database).begin((transaction) => work(wrap(transaction)))
      },
    })
  return { database: wrap(real) as Database, count: () => statements }
}

test('answers are those of single requests, in the order of the lines, and the same when repeated', async () => {
  const [taken, fresh, twice] = [newKey(), newKey(), newKey()]
  await store.create({ amount: 500, idempotencyKey: taken })
  const lines = linesOf(
    { amount: 500, idempotencyKey: taken },
    { amount: 501, idempotencyKey: taken },
    { amount: 700, idempotencyKey: twice, reference: 'order-1' },
    { amount: 800, idempotencyKey: fresh },
    { amount: 700, idempotencyKey: twice, reference: 'order-1' },
    { amount: 700, idempotencyKey: twice, reference: 'order-2' },
  )
  const first = await store.createBatch({ lines, mode: 'each' })
  const again = await store.createBatch({ lines, mode: 'each' })

  expect(kindsOf(first)).toEqual(['replayed', 'mismatch', 'created', 'created', 'replayed', 'mismatch'])
  expect(kindsOf(again)).toEqual(['replayed', 'mismatch', 'replayed', 'replayed', 'replayed', 'mismatch'])
  expect(again.map((answer) => 'payment' in answer && answer.payment.id)).toEqual(
    first.map((answer) => 'payment' in answer && answer.payment.id),
  )
})

test.each([
  ['a key of another request', (key: string) => ({ payment: { amount: 501, idempotencyKey: key } })],
  ['a refused line', () => ({ payment: { amount: 500, idempotencyKey: newKey() }, isRefused: true })],
  [
    'times that cannot be met',
    () => ({ payment: { amount: 1, idempotencyKey: newKey(), expiresAt: new Date(0) } }),
  ],
])('of all, nothing is stored because of %s', async (_fault, faulty) => {
  const taken = newKey()
  await store.create({ amount: 500, idempotencyKey: taken })
  const keys = [newKey(), newKey()]
  const [before, after] = linesOf(
    { amount: 1, idempotencyKey: keys[0] ?? '', description: 'with a row of details' },
    { amount: 2, idempotencyKey: keys[1] ?? '' },
  )
  const batch: Batch = {
    mode: 'all',
    lines: [before, faulty(taken), after].filter((line) => line !== undefined),
  }
  expect(kindsOf(await store.createBatch(batch))).toEqual([
    'withheld',
    expect.stringMatching(/^(mismatch|refused)$/),
    'withheld',
  ])
  expect(await countKeys(keys)).toBe(0)
})

test('a key that comes twice with two contents is a fault of the batch', async () => {
  const key = newKey()
  const lines = linesOf({ amount: 1, idempotencyKey: key }, { amount: 2, idempotencyKey: key })
  expect(kindsOf(await store.createBatch({ lines, mode: 'all' }))).toEqual(['withheld', 'mismatch'])
  expect(await countKeys([key])).toBe(0)
})

test('a refused line that repeats a stored payment stays a replay', async () => {
  const payment = { amount: 500, idempotencyKey: newKey() }
  await store.create(payment)
  const other = { amount: 1, idempotencyKey: newKey() }
  const lines = [{ payment, isRefused: true }, ...linesOf(other)]
  expect(kindsOf(await store.createBatch({ lines, mode: 'all' }))).toEqual(['replayed', 'created'])
})

test('none tells what would become of each line and writes nothing', async () => {
  const taken = newKey()
  await store.create({ amount: 500, idempotencyKey: taken })
  const key = newKey()
  const lines = linesOf(
    { amount: 500, idempotencyKey: taken },
    { amount: 501, idempotencyKey: taken },
    { amount: 1, idempotencyKey: key },
    { amount: 2, idempotencyKey: key },
  )
  expect(kindsOf(await store.createBatch({ lines, mode: 'none' }))).toEqual([
    'replayed',
    'mismatch',
    'withheld',
    'mismatch',
  ])
  expect(await countKeys([key])).toBe(0)
})

test('500 lines are two statements at most, details included', async () => {
  const { database, count } = counting(sql)
  const lines = linesOf(
    ...Array.from({ length: 500 }, () => ({ amount: 500, idempotencyKey: newKey(), reference: 'order-1' })),
  )
  const answers = await createBatch(database, { lines, mode: 'all' })
  expect(new Set(kindsOf(answers))).toEqual(new Set(['created']))
  expect(count()).toBe(2)
})

test('batches with the same keys in another order never wait for each other in a circle', async () => {
  const keys = Array.from({ length: 100 }, () => newKey())
  const lines = linesOf(...keys.map((idempotencyKey) => ({ amount: 500, idempotencyKey, reference: 'r' })))
  const pools = [openDatabase(url), openDatabase(url), openDatabase(url)]
  try {
    const answers = await Promise.all(
      pools.flatMap((pool, index) =>
        (['all', 'each'] as const).map((mode) =>
          createBatch(pool, { mode, lines: index % 2 === 0 ? lines : lines.toReversed() }),
        ),
      ),
    )
    expect(answers.flatMap(kindsOf).filter((kind) => kind === 'created')).toHaveLength(100)
    expect(answers.flatMap(kindsOf).filter((kind) => kind === 'replayed')).toHaveLength(500)
  } finally {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 5 })))
  }
})
