import { createQuietDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { createPaymentStore, openDatabase, type Database, type ListFilter } from '../src/index.ts'

const { sql, url } = await createQuietDatabase()
const store = createPaymentStore(sql)

// Every second one says something.
const patient = openDatabase(url, { poolSize: 1, statementTimeoutMs: 0 })
const COUNT = Number(process.env['SEARCH_COUNT'] ?? 50_000)
await patient.begin(async (transaction) => {
  await transaction`set local session_replication_role = replica`
  await transaction`
    insert into payments (id, amount, status, idempotency_key, event_seq, gateway, gateway_ref, attempt_no, has_details)
    select 'pay_' || lpad(i::text, 32, '0'), 500, 'SUCCESS', 'key ' || i, 4, case when i % 3 = 0 then 'stripe' else 'simulated' end,
           'ch_' || i, 1, case when i % 2 = 0 then true end
      from generate_series(1, ${COUNT}::int) i`
  await transaction`
    insert into payment_details (payment_id, reference, metadata)
    select 'pay_' || lpad(i::text, 32, '0'), 'order-' || i, jsonb_build_object('cart', (i / 10)::text, 'shop', 'one')
      from generate_series(2, ${COUNT}::int, 2) i`
})
await patient`analyze payments`
await patient`analyze payment_details`
// Otherwise the server counts its reads when the connection has ended, at any time later.
await patient`select pg_stat_force_next_flush()`
await patient.end({ timeout: 5 })

async function countBlocks(one: Database): Promise<number> {
  await one`select pg_stat_force_next_flush()`
  await one`select pg_stat_clear_snapshot()`
  const [row] = await one<{ blocks: number }[]>`
    select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::float8 as blocks
      from pg_statio_user_tables where relname in ('payments', 'payment_details')`
  return row?.blocks ?? 0
}

test.each<[ListFilter, string[]]>([
  [
    { reference: 'order-4712' },
    ['order-47128', 'order-47126', 'order-47124', 'order-47122', 'order-47120', 'order-4712'],
  ],
  [{ reference: 'rder' }, []],
  [{ metadata: { cart: '471' } }, ['order-4718', 'order-4716', 'order-4714', 'order-4712', 'order-4710']],
  [{ metadata: { cart: '471' }, reference: 'order-4714' }, ['order-4714']],
  [{ metadata: { cart: '4710000' } }, []],
  [{ gatewayRef: 'ch_4712' }, ['order-4712']],
  [{ gatewayRef: 'ch_6' }, ['order-6']],
  [{ gatewayRef: 'ch_6', reference: 'order-77777' }, []],
  [{ gatewayRef: 'ch_none' }, []],
])('%j finds its payments by an index', async (filter, references) => {
  const one = openDatabase(url, { poolSize: 1 })
  try {
    const before = await countBlocks(one)
    const { payments } = await createPaymentStore(one).page({ ...filter, limit: 6 })
    expect(payments.map(({ details }) => details?.reference)).toEqual(references.slice(0, 6))
    // A walk over the payments reads thousands.
    expect((await countBlocks(one)) - before).toBeLessThan(1_500)
  } finally {
    await one.end({ timeout: 5 })
  }
})

test('pages of a search hold every match once', async () => {
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = await store.page({ reference: 'order-47', status: 'SUCCESS', limit: 100, after })
    seen.push(...page.payments.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  expect(seen).toEqual([...new Set(seen)].toSorted().toReversed())
  // order-47, order-47x, 47xx, 47xxx: even numbers only.
  expect(seen).toHaveLength(0 + 5 + 50 + 500)
})

test.each<[ListFilter, number]>([
  [{ reference: 'order-1', metadata: { cart: '1' }, gatewayRef: 'ch_12' }, 1],
  [{ reference: 'rder' }, 0],
  [{ metadata: { cart: '2' } }, 0],
  [{ metadata: { none: '1' } }, 0],
  [{ gatewayRef: 'ch_1' }, 0],
])('a key finds its payment only with what it has of %j', async (filter, count) => {
  const { payments } = await store.page({ idempotencyKey: 'key 12', ...filter })
  expect(payments).toHaveLength(count)
})
