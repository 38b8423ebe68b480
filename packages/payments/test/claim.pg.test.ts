import { expect, test } from 'vitest'
import { createPaymentStore, openDatabase } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, expireLease, makeDue, paymentIn, read } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const options = { owner: 'w2', leaseMs: 10_000, gateway: 'simulated' }

test('a claim opens the attempt, with its key committed before it is answered', async () => {
  const { id } = await createPayment(store, 700)
  const claimed = await claim(store, id)
  expect(claimed).toMatchObject({
    paymentId: id,
    fence: 1,
    mode: 'send',
    attemptNo: 1,
    gatewayKey: `titan_${id}_1`,
    amount: 700,
    currency: 'USD',
    takeovers: 0,
  })
  const other = openDatabase(url)
  try {
    expect(await createPaymentStore(other).attempts(id)).toMatchObject([
      { attemptNo: 1, gatewayKey: `titan_${id}_1`, amount: 700, sends: 1, outcome: null },
    ])
  } finally {
    await other.end({ timeout: 5 })
  }
})

test('a claim knows how long ago its payment was accepted', async () => {
  const { id } = await createPayment(store)
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set created_at = created_at - interval '3 hours' where id = ${id}`
  })
  const claimed = await claim(store, id)
  expect(Math.floor(claimed.ageMs / 3_600_000)).toBe(3)
})

test('a worker that is faster than the relay writes both events', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  expect(await store.markQueued([id], 'relay')).toBe(0)
  expect(
    (await store.events(id)).map(({ seq, fromStatus, toStatus }) => [seq, fromStatus, toStatus]),
  ).toEqual([
    [1, null, 'PENDING'],
    [2, 'PENDING', 'QUEUED'],
    [3, 'QUEUED', 'PROCESSING'],
  ])
})

test('of two claims at once one wins', async () => {
  const others = [openDatabase(url), openDatabase(url), openDatabase(url)]
  try {
    const stores = others.map((one) => createPaymentStore(one))
    for (let round = 0; round < 10; round++) {
      const { id } = await paymentIn(store, sql, 'QUEUED')
      const answers = await Promise.all([...stores, ...stores].map((one) => one.claim(id, options)))
      expect(answers.filter(({ kind }) => kind === 'claimed')).toHaveLength(1)
      expect(await read(store, id)).toMatchObject({ fence: 1, attemptNo: 1 })
    }
  } finally {
    await Promise.all(others.map((one) => one.end({ timeout: 5 })))
  }
})

test('claims of many payments by several programs in different orders never deadlock', async () => {
  const payments = await Promise.all(Array.from({ length: 40 }, () => createPayment(store)))
  const ids = payments.map(({ id }) => id)
  const others = [openDatabase(url), openDatabase(url)]
  try {
    const orders = [ids, ids.toReversed()]
    const answers = await Promise.all(
      others.flatMap((one, index) => {
        const other = createPaymentStore(one)
        return (orders[index] ?? []).map((id) => other.claim(id, options))
      }),
    )
    expect(answers.filter(({ kind }) => kind === 'claimed')).toHaveLength(40)
  } finally {
    await Promise.all(others.map((one) => one.end({ timeout: 5 })))
  }
})

test('a leased payment is left alone, and the answer says for how long', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  const answer = await store.claim(id, options)
  expect(answer).toMatchObject({ kind: 'skipped', reason: 'leased', status: 'PROCESSING' })
  expect(answer.kind === 'skipped' && answer.waitMs > 0 && answer.waitMs <= 10_000).toBe(true)
})

test('an expired lease is reclaimed: new fence, same key, to be resolved', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await expireLease(sql, id)
  const second = await claim(store, id, { owner: 'w2' })
  expect(second).toMatchObject({
    fence: 2,
    mode: 'resolve',
    attemptNo: 1,
    gatewayKey: first.gatewayKey,
    takeovers: 1,
  })
  expect((await store.events(id)).at(-1)).toMatchObject({ type: 'payment.taken_over', actor: 'w2' })
})

// F35 the clock of Redis steps by an hour: payments follow the clock of PostgreSQL
// F44 a worker’s clock off by an hour: no early take-over; the host’s clock is not changed in a test
test('a lease follows the database clock, whatever a worker believes', async () => {
  const { id } = await createPayment(store)
  await claim(store, id, { leaseMs: 60_000 })
  const [row] = await sql<{ left_ms: number }[]>`
    select extract(epoch from lease_until - clock_timestamp())::float8 * 1000 as left_ms from payments where id = ${id}`
  expect(row?.left_ms).toBeGreaterThan(30_000)
  expect(row?.left_ms).toBeLessThanOrEqual(60_000)
})

test('a payment that is not due yet is left alone', async () => {
  const { id } = await createPayment(store)
  await makeDue(sql, id, -60_000)
  expect(await store.claim(id, options)).toMatchObject({ kind: 'skipped', reason: 'not_due' })
})

test('an open attempt is never continued at another gateway', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  await expireLease(sql, id)
  expect(await store.claim(id, { ...options, gateway: 'other' })).toMatchObject({
    kind: 'skipped',
    reason: 'other_gateway',
  })
})

test('terminal, parked and unknown payments are not claimed', async () => {
  const { id: done } = await paymentIn(store, sql, 'SUCCESS')
  expect(await store.claim(done, options)).toMatchObject({
    kind: 'skipped',
    reason: 'terminal',
    status: 'SUCCESS',
  })
  const { id: parked } = await createPayment(store)
  await store.settle(settlementOf(await claim(store, parked), { type: 'UNRESOLVABLE', reason: 'test' }))
  expect(await store.claim(parked, options)).toMatchObject({ kind: 'skipped', reason: 'needs_review' })
  expect(await store.claim('pay_none', options)).toMatchObject({ kind: 'skipped', reason: 'not_found' })
})

test('a lease is renewed by its holder only, and only while it lasts', async () => {
  const { id } = await createPayment(store)
  const leaseUntil = async (): Promise<unknown> =>
    (await sql`select lease_until from payments where id = ${id}`)[0]?.['lease_until']
  const first = await claim(store, id)
  expect(await store.renew(first, 20_000)).toBe(true)
  const renewed = await leaseUntil()
  expect(await store.renew({ ...first, fence: first.fence + 1 }, 40_000)).toBe(false)
  expect(await store.renew({ ...first, fence: first.fence - 1 }, 40_000)).toBe(false)
  expect(await leaseUntil()).toEqual(renewed)
  await expireLease(sql, id)
  expect(await store.renew(first, 20_000)).toBe(false)
  await claim(store, id, { owner: 'w2' })
  const taken = await leaseUntil()
  expect(await store.renew(first, 40_000)).toBe(false)
  expect(await leaseUntil()).toEqual(taken)
})
