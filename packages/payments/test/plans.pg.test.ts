import { expect, onTestFinished, test } from 'vitest'
import { createPaymentStore, openDatabase, type Claim, type Database } from '../src/index.ts'
import { createQuietDatabase } from '@titan/testkit/vitest'
import { settlementOf, successOf } from './support/settlements.ts'

const { url } = await createQuietDatabase()

/** How many blocks of the payment tables and their indexes have been read so far. */
async function countBlocks(sql: Database): Promise<number> {
  await sql`select pg_stat_force_next_flush()`
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<{ blocks: number }[]>`
    select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::float8 as blocks
      from pg_statio_user_tables where relname like 'payment%'`
  return row?.blocks ?? 0
}

async function insertPending(sql: Database, from: number, count: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    insert into payments (id, amount, status, idempotency_key, event_seq)
    select 'pay_' || lpad(i::text, 32, '0'), 500, 'PENDING', 'key-' || i, 1
      from generate_series(${from}::int, ${from + count - 1}::int) i
    returning id`
  return rows.map(({ id }) => id)
}

test('statements whose plan was made while the tables were empty read a few blocks for each payment', async () => {
  const sql = openDatabase(url, { poolSize: 1 })
  onTestFinished(() => sql.end({ timeout: 5 }))
  const store = createPaymentStore(sql)
  const claim = async (id: string): Promise<Claim> => {
    const answer = await store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' })
    if (answer.kind !== 'claimed') throw new Error(answer.reason)
    return answer.claim
  }
  const work = async (ids: readonly string[]): Promise<void> => {
    await store.markQueued(ids, 'relay')
    const claims = await Promise.all(ids.map(claim))
    await Promise.all(claims.map((one) => store.renew(one, 10_000)))
    await Promise.all(claims.map((one) => store.settle(settlementOf(one, successOf(one)))))
    await store.takeLost({ limit: 10, queuedAgeMs: 60_000, processingAgeMs: 60_000, actor: 'reconciler' })
  }
  // The server keeps the plans that it makes here.
  for (let round = 0; round < 7; round++) await work(await insertPending(sql, round, 1))
  await insertPending(sql, 1_000, 40_000)
  const before = await countBlocks(sql)
  await work(Array.from({ length: 20 }, (_, index) => `pay_${String(2_000 + index).padStart(32, '0')}`))
  // About a hundred each: five statements, seven indexes, three levels. Reading the index of PENDING once is 200 more.
  expect((await countBlocks(sql)) - before).toBeLessThan(20 * 200)
})

test('a list of a short time ago reads a few blocks, however many payments are older or newer', async () => {
  const sql = openDatabase(url, { poolSize: 1 })
  onTestFinished(() => sql.end({ timeout: 5 }))
  const HOUR = 3_600_000
  const noon = new Date('2026-03-01T12:00:00Z')
  // One a second for eight hours around noon; the ids carry the same times as the rows.
  await sql`
    insert into payments (id, amount, status, idempotency_key, event_seq, created_at)
    select 'pay_' || lpad(to_hex(((extract(epoch from at) * 1000)::bigint)), 12, '0') || lpad(i::text, 20, '0'),
           500, 'PENDING', 'timed-' || i, 1, at
      from generate_series(-14400, 14399) i,
           lateral (select ${noon}::timestamptz + i * interval '1 second' as at) moment`
  await sql`analyze payments`
  const store = createPaymentStore(sql)
  const before = await countBlocks(sql)
  const { payments: found } = await store.page({
    createdAfter: noon,
    createdBefore: new Date(noon.getTime() + HOUR),
    limit: 500,
  })

  // The newest 500 of the hour, one a second.
  expect(found).toHaveLength(500)
  expect(found[0]?.createdAt).toEqual(new Date(noon.getTime() + HOUR - 1_000))
  // About 40 rows a block: 500 that are listed, 300 of the clocks' margin. The rows of the other hours would be 600 more.
  expect((await countBlocks(sql)) - before).toBeLessThan(150)
})
