import { expect, test } from 'vitest'
import { createPaymentStore } from '../src/index.ts'
import { countPayments } from '../src/store/counts.ts'
import { createQuietDatabase } from '@titan/testkit/vitest'
import { authorizedPayment } from './support/movements.ts'
import { claim, createPayment, paymentIn } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql } = await createQuietDatabase()
const store = createPaymentStore(sql)

test('a small table is counted exactly, a large one in its working states, and estimated in the ended ones', async () => {
  expect(await store.counts()).toMatchObject({
    oldestUnfinishedMs: 0,
    oldestPendingMs: 0,
    isExact: true,
    isAtLeast: false,
  })
  for (const status of [
    'PENDING',
    'QUEUED',
    'PROCESSING',
    'SUCCESS',
    'SUCCESS',
    'SUCCESS',
    'FAILED',
  ] as const)
    await paymentIn(store, sql, status)
  const { id } = await createPayment(store)
  await store.settle(settlementOf(await claim(store, id), { type: 'UNRESOLVABLE', reason: 'given up' }))
  const other = await createPayment(store)
  await store.settle(settlementOf(await claim(store, other.id), { type: 'UNKNOWN', reason: 'timeout' }))

  const byStatus = { PENDING: 1, QUEUED: 1, PROCESSING: 3, SUCCESS: 3, FAILED: 1 }
  const exact = await store.counts()
  expect(exact).toMatchObject({ byStatus, needsReview: 1, unknown: 1, isExact: true, isAtLeast: false })
  expect(exact.oldestPendingMs).toBeGreaterThan(0)
  // The one that is PENDING was the first of all.
  expect(exact.oldestUnfinishedMs).toBe(exact.oldestPendingMs)

  await sql`analyze payments`
  const estimated = await countPayments(sql, { table: 5, working: 100 })
  expect(estimated).toMatchObject({ byStatus, needsReview: 1, unknown: 1, isExact: false, isAtLeast: false })

  const bounded = await countPayments(sql, { table: 5, working: 1 })
  expect(bounded).toMatchObject({ byStatus: { PENDING: 1, QUEUED: 1, PROCESSING: 2 }, isAtLeast: true })
})

test('authorizations that expire within a day and open contradictions are counted', async () => {
  const before = await store.counts()
  for (const hours of [23, 25]) {
    const { id } = await authorizedPayment(store, sql)
    await sql`update payments set waits_until = clock_timestamp() + ${hours}::int * interval '1 hour' where id = ${id}`
  }
  const { id: paymentId } = await paymentIn(store, sql, 'FAILED')
  for (const reference of ['open', 'resolved'])
    await store.recordBreak({ kind: 'late_charge', paymentId, gateway: 'simulated', reference, detail: {} })
  await sql`update reconciliation_breaks set resolved_at = clock_timestamp() where reference = 'resolved'`
  const { expiringAuthorizations, openBreaks } = await store.counts()
  expect({ expiringAuthorizations, openBreaks }).toEqual({
    expiringAuthorizations: before.expiringAuthorizations + 1,
    openBreaks: before.openBreaks + 1,
  })
})

test('counting reads no more blocks when the history has grown', async () => {
  await sql`
    insert into payments (id, amount, status, idempotency_key, event_seq)
    select 'pay_' || lpad(i::text, 32, '0'), 500, 'PENDING', 'old-' || i, 1 from generate_series(1, 30000) i`
  await sql.begin(async (transaction) => {
    // As time would have done: the history is what no statement here writes in one step.
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set status = 'SUCCESS', gateway_ref = 'ch' where status = 'PENDING' and idempotency_key like 'old-%'`
  })
  await sql`vacuum analyze payments`
  const limits = { table: 100, working: 100_000 }
  const before = await countBlocks()
  const { byStatus } = await countPayments(sql, limits)
  expect(byStatus.SUCCESS).toBeGreaterThan(20_000)
  // Thirty thousand rows are on 800 blocks and more.
  expect((await countBlocks()) - before).toBeLessThan(200)
})

/** How many blocks of the payments and their indexes have been read so far, by any connection that is idle. */
async function countBlocks(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<{ blocks: number }[]>`
    select (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::float8 as blocks
      from pg_statio_user_tables where relname = 'payments'`
  return row?.blocks ?? 0
}
