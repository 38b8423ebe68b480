import { expect, test } from 'vitest'
import { createPaymentStore, openDatabase, type CreateAnswer } from '../src/index.ts'
import { newPaymentId } from '../src/domain/identifiers.ts'
import { createMany, prepare } from '../src/store/create.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { newKey } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)

function idOf(answer: CreateAnswer): string | undefined {
  return answer.kind === 'mismatch' ? undefined : answer.payment.id
}

/** Three programs with a pool each, as three API processes have. */
async function withThreePrograms<Value>(
  run: (stores: ReturnType<typeof createPaymentStore>[]) => Promise<Value>,
): Promise<Value> {
  const pools = [openDatabase(url), openDatabase(url), openDatabase(url)]
  try {
    return await run(pools.map((pool) => createPaymentStore(pool)))
  } finally {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 5 })))
  }
}

test('a new payment is PENDING, with its first event', async () => {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey() })
  expect(answer).toMatchObject({
    kind: 'created',
    payment: {
      amount: 500,
      currency: 'USD',
      status: 'PENDING',
      id: expect.stringMatching(/^pay_[0-9a-f]{32}$/),
    },
  })
  expect(await store.events(idOf(answer) ?? '')).toMatchObject([
    { seq: 1, type: 'payment.created', fromStatus: null, toStatus: 'PENDING', actor: 'api' },
  ])
})

test('an id ends in three digits that the stored key alone decides, and that SQL computes', async () => {
  const keys = ['order-4711', '!', '~'.repeat(255), newKey(), newKey()]
  const answers = await Promise.all(
    keys.map((idempotencyKey) => store.create({ amount: 500, idempotencyKey })),
  )
  const rows = await sql<{ id: string; bucket: string }[]>`
    select id, left(encode(sha256(convert_to(idempotency_key, 'UTF8')), 'hex'), 3) as bucket
      from payments where idempotency_key in ${sql(keys)}`
  expect(rows.map(({ id }) => id).toSorted()).toEqual(answers.map((answer) => idOf(answer) ?? '').toSorted())
  expect(rows.map(({ id }) => id.slice(-3))).toEqual(rows.map(({ bucket }) => bucket))
  // Never another value: a payment is found by it in a system that was spread over several databases.
  expect(idOf(answers[0] ?? { kind: 'mismatch' })).toMatch(/173$/)
})

test('ids that one process makes still sort by the order of their creation', () => {
  const ids = Array.from({ length: 5_000 }, (_, number) => newPaymentId(`order-${number}`))
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('a repeat finds the same payment', async () => {
  const request = { amount: 500, idempotencyKey: newKey() }
  const first = await store.create(request)
  expect(await store.create(request)).toMatchObject({ kind: 'replayed', payment: { id: idOf(first) } })
  expect(await store.create({ ...request, currency: 'USD' })).toMatchObject({ kind: 'replayed' })
})

test('a repeat with another amount or currency is a mismatch and writes nothing', async () => {
  const key = newKey()
  await store.create({ amount: 500, idempotencyKey: key })
  expect(await store.create({ amount: 501, idempotencyKey: key })).toEqual({ kind: 'mismatch' })
  expect(await store.create({ amount: 500, currency: 'EUR', idempotencyKey: key })).toEqual({
    kind: 'mismatch',
  })
  expect(await sql`select amount, currency from payments where idempotency_key = ${key}`).toEqual([
    { amount: 500, currency: 'USD' },
  ])
})

// F1
test('200 callers in three programs with one key and one body get one payment', async () => {
  const request = { amount: 500, idempotencyKey: newKey() }
  const answers = await withThreePrograms((stores) =>
    Promise.all(
      Array.from(
        { length: 200 },
        (_, index) => stores[index % 3]?.create(request) ?? Promise.reject(new Error()),
      ),
    ),
  )
  expect(new Set(answers.map(idOf)).size).toBe(1)
  expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1)
  expect(answers.filter(({ kind }) => kind === 'replayed')).toHaveLength(199)
  expect(await store.events(answers.map(idOf)[0] ?? '')).toHaveLength(1)
})

// F2
test('callers in three programs with one key and two bodies: one wins, the other body writes nothing', async () => {
  const key = newKey()
  const answers = await withThreePrograms((stores) =>
    Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const amount = index % 2 === 0 ? 500 : 900
        const answer = await (stores[index % 3]?.create({ amount, idempotencyKey: key }) ??
          Promise.reject(new Error()))
        return { amount, kind: answer.kind }
      }),
    ),
  )
  const rows = await sql<{ amount: number }[]>`select amount from payments where idempotency_key = ${key}`
  expect(rows).toHaveLength(1)
  const won = rows[0]?.amount
  expect(answers.filter(({ amount, kind }) => amount === won && kind === 'mismatch')).toEqual([])
  expect(answers.filter(({ amount, kind }) => amount !== won && kind !== 'mismatch')).toEqual([])
  expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1)
})

test('a row that the call inserted is answered as created, also when it has to be found again', async () => {
  const request = prepare({ amount: 500, idempotencyKey: newKey() })
  const [first] = await createMany(sql, [request])
  expect(first?.kind).toBe('created')
  expect(await createMany(sql, [request])).toEqual([first])
})

test('statements that share many keys in different orders never deadlock', async () => {
  const pools = [openDatabase(url), openDatabase(url), openDatabase(url)]
  try {
    for (let round = 0; round < 5; round++) {
      const requests = Array.from({ length: 100 }, () => prepare({ amount: 500, idempotencyKey: newKey() }))
      const orders = [requests, requests.toReversed(), requests.toSorted(() => Math.random() - 0.5)]
      const answers = await Promise.all(
        pools.map((pool, index) => createMany(pool, freshIds(orders[index] ?? []))),
      )
      expect(answers.flat().filter(({ kind }) => kind === 'created')).toHaveLength(100)
      expect(answers.flat().filter(({ kind }) => kind === 'replayed')).toHaveLength(200)
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 5 })))
  }

  /** The same requests as another program prepares them. */
  function freshIds(requests: readonly ReturnType<typeof prepare>[]): ReturnType<typeof prepare>[] {
    return requests.map(({ key, amount }) => prepare({ amount, idempotencyKey: key }))
  }
})

test('a caller that waits for a transaction that is rolled back wins', async () => {
  const key = newKey()
  const { promise: hasInserted, resolve: inserted } = Promise.withResolvers<void>()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const rolledBack = sql
    .begin(async (transaction) => {
      await transaction`insert into payments (id, amount, status, idempotency_key) values ('pay_gone', 1, 'PENDING', ${key})`
      inserted()
      await mayEnd
      throw new Error('rolled back')
    })
    .catch(() => undefined)
  await hasInserted
  const answer = store.create({ amount: 500, idempotencyKey: key })
  end()
  await rolledBack
  expect(await answer).toMatchObject({ kind: 'created', payment: { amount: 500 } })
})

test('the largest and the smallest amount come back exactly', async () => {
  for (const amount of [1, Number.MAX_SAFE_INTEGER]) {
    const answer = await store.create({ amount, idempotencyKey: newKey() })
    expect(await store.get(idOf(answer) ?? '')).toMatchObject({ amount })
  }
})

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1])(
  'an amount of %d is refused',
  async (amount) => {
    await expect(store.create({ amount, idempotencyKey: newKey() })).rejects.toMatchObject({
      code: 'INVALID_PAYMENT',
    })
  },
)

test.each(['', ' ', 'a b', 'ä', 'a\u0000', 'x'.repeat(256)])(
  // F11
  'a key of %j is refused',
  async (idempotencyKey) => {
    await expect(store.create({ amount: 1, idempotencyKey })).rejects.toMatchObject({
      code: 'INVALID_PAYMENT',
    })
  },
)

// F11 keys of SQL and Redis metacharacters, NUL: NUL is refused, others are stored as they are
test('keys are stored verbatim, whatever they look like', async () => {
  for (const idempotencyKey of [
    `${newKey()}';drop--`,
    `${newKey()}{"a":[\\]},"`,
    `${newKey()}%s$1`,
    'NULL',
    'A',
    'a',
  ]) {
    const answer = await store.create({ amount: 1, idempotencyKey })
    expect(answer).toMatchObject({ kind: 'created', payment: { idempotencyKey } })
  }
})

test('payments are listed newest first, page by page', async () => {
  const created = []
  for (let amount = 1_000_001; amount <= 1_000_005; amount++)
    created.push(idOf(await store.create({ amount, idempotencyKey: newKey() })))
  const filter = { minAmount: 1_000_001, maxAmount: 1_000_005, limit: 2 }
  const pages: string[][] = []
  for (let after: string | undefined; ;) {
    const { payments: page } = await store.page({ ...filter, after })
    if (page.length === 0) break
    pages.push(page.map(({ id }) => id))
    after = page.at(-1)?.id
  }
  expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
  expect(pages.flat()).toEqual(created.toReversed())
})

test('a payment is found by its key', async () => {
  const idempotencyKey = newKey()
  const answer = await store.create({ amount: 5, idempotencyKey })
  expect((await store.page({ idempotencyKey })).payments).toMatchObject([{ id: idOf(answer) }])
  expect((await store.page({ idempotencyKey: newKey() })).payments).toEqual([])
})

// F21
test('a key whose row stays locked fails alone: callers that came with it are answered', async () => {
  const key = newKey()
  const hasLock = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  const holder = sql
    .begin(async (transaction) => {
      await transaction`insert into payments (id, amount, status, idempotency_key) values ('pay_held', 1, 'PENDING', ${key})`
      hasLock.resolve()
      await mayEnd.promise
      throw new Error('rolled back')
    })
    .catch(() => undefined)
  await hasLock.promise
  const impatient = openDatabase(url, { lockTimeoutMs: 100 })
  try {
    const other = createPaymentStore(impatient)
    const answers = await Promise.allSettled(
      [key, newKey(), newKey()].map((idempotencyKey) => other.create({ amount: 5, idempotencyKey })),
    )
    expect(answers).toMatchObject([
      { status: 'rejected', reason: { code: '55P03' } },
      { status: 'fulfilled', value: { kind: 'created' } },
      { status: 'fulfilled', value: { kind: 'created' } },
    ])
  } finally {
    mayEnd.resolve()
    await holder
    await impatient.end({ timeout: 5 })
  }
})
