import { beforeAll, expect, test } from 'vitest'
import {
  createPaymentStore,
  openDatabase,
  type Database,
  type ListFilter,
  type Payment,
} from '../src/index.ts'
import { pagePayments } from '../src/store/list.ts'
import { createQuietDatabase } from '@titan/testkit/vitest'

const { url } = await createQuietDatabase()
const MINUTE = 60_000
const NOON = new Date('2026-03-01T12:00:00Z')
const ROWS = 30_000
/** Payments that a page examines here. */
const EXAMINED = 3_000

let sql: Database
let all: Payment[]

beforeAll(async () => {
  sql = openDatabase(url, { poolSize: 1 })
  await sql`set session_replication_role = replica`
  // One every two seconds. The planner learns of a table full of QUEUED payments, and the plans stay.
  await sql`
    insert into payments (id, amount, status, idempotency_key, event_seq, created_at)
    select 'pay_' || lpad(to_hex(((extract(epoch from at) * 1000)::bigint)), 12, '0') || lpad(i::text, 20, '0'),
           1 + i % 1000, 'QUEUED', 'listed ' || i, 1, at
      from generate_series(1, ${ROWS}::int) i, lateral (select ${NOON}::timestamptz + i * interval '2 seconds' as at) moment`
  await sql`analyze payments`
  await sql`
    update payments set status = case when n % 1000 = 1 then 'PENDING' when n % 1000 = 2 then 'QUEUED' when n % 1000 between 3 and 4
                                 then 'PROCESSING' when n % 500 = 5 then 'FAILED' else 'SUCCESS' end,
           needs_review = n % 1000 = 4,
           amount = case when n = 7 then 5000 else amount end
      from (select id, substr(idempotency_key, 8)::int as n from payments) numbered where numbered.id = payments.id`
  await sql`vacuum payments`
  await sql`set session_replication_role = origin`
  all = []
  for (let after: string | undefined; ;) {
    const found = await createPaymentStore(sql).page({ limit: 500, ...(after !== undefined && { after }) })
    all.push(...found.payments)
    if (found.next === undefined) break
    after = found.next
  }
  return () => sql.end({ timeout: 5 })
})

/** How many blocks of payments and its indexes have been read so far. */
async function countBlocks(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<{ blocks: number }[]>`
    select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::float8 as blocks
      from pg_statio_user_tables where relname = 'payments'`
  return row?.blocks ?? 0
}

function isMatch(filter: ListFilter, payment: Payment): boolean {
  const { status, needsReview, idempotencyKey, minAmount, maxAmount, createdAfter, createdBefore } = filter
  return [
    status === undefined || payment.status === status,
    needsReview === undefined || payment.needsReview === needsReview,
    idempotencyKey === undefined || payment.idempotencyKey === idempotencyKey,
    payment.amount >= (minAmount ?? 0),
    payment.amount <= (maxAmount ?? Number.MAX_SAFE_INTEGER),
    payment.createdAt >= (createdAfter ?? new Date(0)),
    payment.createdAt < (createdBefore ?? new Date(1e15)),
  ].every(Boolean)
}

const STATES: ListFilter[] = [
  {},
  ...(['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED'] as const).map((status) => ({ status })),
  { needsReview: true },
  { needsReview: false },
  { status: 'PROCESSING', needsReview: true },
  { status: 'PROCESSING', needsReview: false },
  { status: 'SUCCESS', needsReview: true },
]
const LATE = new Date(NOON.getTime() + (ROWS - 100) * 2_000)
const FILTERS: ListFilter[] = [
  {},
  { minAmount: 900 },
  { minAmount: 5_000 },
  { maxAmount: 3 },
  { minAmount: 2_000, maxAmount: 2_001 },
  { createdAfter: LATE },
  { createdBefore: new Date(NOON.getTime() + 5 * MINUTE) },
  { createdAfter: new Date(NOON.getTime() + 100 * MINUTE), createdBefore: LATE, minAmount: 990 },
  { idempotencyKey: 'listed 7' },
]
const CASES = STATES.flatMap((state) => FILTERS.map((filter) => ({ ...state, ...filter })))

test.each(CASES.map((filter) => [JSON.stringify(filter), filter] as const))(
  // F142 a list with any status and any filter in a long history: each page reads a bounded number of blocks,
  //  and the pages hold every match once
  'each page of %s reads a bounded number of blocks, and the pages hold every match once',
  async (_name, filter) => {
    expect(all).toHaveLength(ROWS)
    const found: string[] = []
    const limit = 200
    let most = 0
    for (let after: string | undefined; ;) {
      const before = await countBlocks()
      const page = await pagePayments(
        sql,
        { ...filter, limit, ...(after !== undefined && { after }) },
        EXAMINED,
      )
      most = Math.max(most, (await countBlocks()) - before)
      found.push(...page.payments.map(({ id }) => id))
      if (page.next === undefined) break
      after = page.next
    }
    expect(found).toEqual(all.filter((payment) => isMatch(filter, payment)).map(({ id }) => id))
    // Twice the most that was seen; the whole table is 1,300 blocks.
    expect(most).toBeLessThan(600)
  },
)

// F142
test('a working state that has grown large is listed without reading all of it', async () => {
  const page = await pagePayments(sql, { status: 'QUEUED', limit: 5 }, 10)
  const walked: string[] = []
  for (let after: string | undefined; walked.length < 3;) {
    const next = await pagePayments(
      sql,
      { status: 'QUEUED', limit: 5, ...(after !== undefined && { after }) },
      10,
    )
    walked.push(...next.payments.map(({ id }) => id))
    if (next.next === undefined) break
    after = next.next
  }
  expect(page.payments.length).toBeLessThan(5)
  expect(page.next).toBeDefined()
  expect(walked.slice(0, 3)).toEqual(
    all
      .filter(({ status }) => status === 'QUEUED')
      .slice(0, 3)
      .map(({ id }) => id),
  )
})

test('payments that are stored between two pages do not repeat others', async () => {
  const store = createPaymentStore(sql)
  const first = await pagePayments(sql, { minAmount: 5_000, limit: 5 }, EXAMINED)
  expect(first.payments).toEqual([])
  const created: string[] = []
  for (let one = 0; one < 3; one++) {
    const answer = await store.create({ amount: 6_000, idempotencyKey: `between-${one}` })
    if (answer.kind === 'created') created.push(answer.payment.id)
  }
  let after = first.next
  const found: Payment[] = []
  while (after !== undefined) {
    const page = await pagePayments(sql, { minAmount: 5_000, limit: 5, after }, EXAMINED)
    found.push(...page.payments)
    after = page.next
  }
  expect(found.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['listed 7'])
  expect((await store.page({ minAmount: 6_000 })).payments.map(({ id }) => id)).toEqual(created.toReversed())
})
