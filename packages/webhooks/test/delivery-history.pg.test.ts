import { beforeAll, expect, test } from 'vitest'
import { WebhookStore, type DeliveryFilter, type WebhookDelivery } from '../src/index.ts'
import { createQuietDatabase } from '@titan/testkit/vitest'

const { sql } = await createQuietDatabase()
const store = new WebhookStore(sql, { encryptionKeys: [] })
const ROWS = 20_000
/** Deliveries that a page examines here. */
const EXAMINED = 1_000

beforeAll(async () => {
  await sql`
    insert into webhook_endpoints (id, url, secret)
    select id, 'https://example.com/', '\\x00' from unnest(array['we_a', 'we_b', 'we_c', 'we_d']) id`
  await sql`
    insert into webhook_events (id, type, payment_id, payload, at)
    select 'evt_' || lpad(i::text, 12, '0'), 'payment.succeeded', 'pay_' || i / 4, '{}', clock_timestamp()
      from generate_series(1, ${ROWS}::int) i`
  // Four endpoints; we_d has nothing, and all but a few deliveries of the others are of we_b.
  await sql`
    insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at)
    select 'evt_' || lpad(i::text, 12, '0'), case i % 1000 when 0 then 'we_a' when 1 then 'we_c' else 'we_b' end,
           case when i % 2500 = 2 then 'FAILED' when i % 5000 = 3 then 'PENDING' else 'DELIVERED' end,
           case when i % 2500 <> 2 and i % 5000 = 3 then clock_timestamp() end
      from generate_series(1, ${ROWS}::int) i`
  await sql`vacuum analyze webhook_deliveries`
})

async function countBlocks(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<{ blocks: number }[]>`
    select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::float8 as blocks
      from pg_statio_user_tables where relname like 'webhook%'`
  return row?.blocks ?? 0
}

const FILTERS: DeliveryFilter[] = [
  { limit: 500 },
  { status: 'DELIVERED', limit: 500 },
  { status: 'FAILED' },
  { status: 'PENDING' },
]
const CASES = ['we_a', 'we_b', 'we_c', 'we_d'].flatMap((endpoint) =>
  FILTERS.map((filter) => [endpoint, filter] as const),
)

test.each(CASES)(
  // F142
  'each page of the deliveries of %s with %j reads a bounded number of blocks, and the pages hold every match once',
  async (endpoint, filter) => {
    const expected = await sql<{ id: number }[]>`
      select id from webhook_deliveries
       where endpoint_id = ${endpoint} and status = coalesce(${filter.status ?? null}::text, status) order by id desc`
    const found: WebhookDelivery[] = []
    let most = 0
    for (let after: string | undefined; ;) {
      const before = await countBlocks()
      const from = after === undefined ? {} : { after }
      const page = await store.deliveryPage(endpoint, { ...filter, ...from }, EXAMINED)
      most = Math.max(most, (await countBlocks()) - before)
      found.push(...page.deliveries)
      if (page.next === undefined) break
      after = page.next
    }
    expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => `dlv_${id}`))
    expect(most).toBeLessThan(100)
  },
)

test('the events of a payment are read by their own index', async () => {
  const before = await countBlocks()
  expect(await store.listEvents({ paymentId: 'pay_1000' })).toHaveLength(4)
  expect((await countBlocks()) - before).toBeLessThan(20)
})

test('events are listed by their times, whatever kind of movement they are of, and few blocks are read', async () => {
  const kinds = ['', 'cap_', 'ref_', 'void_']
  const ids = Array.from(
    { length: 12 },
    (_, place) => `evt_${kinds[place % 4]}1${String(place).padStart(11, '0')}`,
  )
  await sql`
    insert into webhook_events (id, type, payment_id, payload, at)
    select id, 'refund.created', 'pay_of_movements', '{}', clock_timestamp() from unnest(${ids}::text[]) id`
  const before = await countBlocks()
  const found: string[] = []
  for (let after: string | undefined; found.length < ids.length; after = found.at(-1))
    found.push(...(await store.listEvents({ limit: 5, after })).map(({ id }) => id))
  expect(found.slice(0, ids.length)).toEqual(ids.toReversed())
  expect((await countBlocks()) - before).toBeLessThan(200)
  const [first, ...rest] = await store.listEvents({ paymentId: 'pay_of_movements' })
  expect([first, ...rest].map((event) => event?.id)).toEqual(ids.toReversed())
  const next = await store.listEvents({ paymentId: 'pay_of_movements', after: first?.id })
  expect(next).toEqual(rest)
})

// F152 deliveries wait in PostgreSQL for endpoints that fail or are disabled: the overview and `titan stats`
//  show how many, and the endpoints
test('the backlog counts waiting deliveries, and endpoints that fail or are disabled', async () => {
  await sql`update webhook_endpoints set failures = 3 where id = 'we_a'`
  await sql`update webhook_endpoints set disabled_at = clock_timestamp(), disabled_reason = 'failing' where id = 'we_c'`
  await sql`insert into webhook_outbox (payment_id, seq) values ('pay_1', 1), ('pay_2', 1)`
  expect(await store.backlog()).toEqual({
    pending: 4,
    waitingEvents: 2,
    failingEndpoints: 1,
    disabledEndpoints: 1,
    isAtLeast: false,
  })
  expect(await store.backlog(2)).toMatchObject({ pending: 2, isAtLeast: true })
})

test('a range is sent again in statements that each examine a part of it', async () => {
  expect(await store.redeliverRange('we_b', { since: new Date(0) })).toBe(8)
  expect(await store.redeliverRange('we_b', { since: new Date(0) })).toBe(0)
})
