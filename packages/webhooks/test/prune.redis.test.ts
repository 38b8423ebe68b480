import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { prune } from '../src/store/event-store.ts'
import { startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'

const rig = await openRig()
const { sql, webhooks } = rig
const DAY_MS = 86_400_000
const RETENTION = { retentionMs: 30 * DAY_MS, after: '', most: 100 }

let number = 0

/** Stores an event as old as it says, with a delivery for each status, changed when it says. */
async function storeEvent(
  days: number,
  ...deliveries: readonly (readonly [status: 'PENDING' | 'DELIVERED' | 'FAILED', changedDays: number])[]
): Promise<string> {
  return storeEventOf('', days, ...deliveries)
}

/** Stores an event of a kind of movement, such as `ref_`. */
async function storeEventOf(
  kind: string,
  days: number,
  ...deliveries: readonly (readonly [status: 'PENDING' | 'DELIVERED' | 'FAILED', changedDays: number])[]
): Promise<string> {
  const at = new Date(Date.now() - days * DAY_MS)
  const id = `evt_${kind}${at.getTime().toString(16).padStart(12, '0')}${String(++number).padStart(20, '0')}_1`
  await sql`
    insert into webhook_events (id, type, payload, at, created_at)
    values (${id}, 'payment.succeeded', '{}', ${at}, ${at})`
  for (const [status, changedDays] of deliveries) {
    const { endpoint } = await webhooks.createEndpoint({ url: 'https://example.com/' })
    const changedAt = new Date(Date.now() - changedDays * DAY_MS)
    const [delivery] = await sql<{ id: number }[]>`
      insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at, created_at, updated_at)
      values (${id}, ${endpoint.id}, ${status}, ${status === 'PENDING' ? at : null}, ${at}, ${changedAt})
      returning id`
    await sql`
      insert into webhook_attempts (delivery_id, attempt_no, duration_ms) values (${delivery?.id ?? 0}, 1, 1)`
  }
  return id
}

async function stored(ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from webhook_events where id = any(${ids}) order by id`
  return rows.map(({ id }) => id)
}

test('events older than the retention go, with their deliveries and attempts; younger ones stay', async () => {
  const old = await storeEvent(31, ['DELIVERED', 31], ['FAILED', 30.5])
  const withoutReceiver = await storeEvent(40)
  const young = await storeEvent(29, ['DELIVERED', 29])
  expect(await prune(sql, RETENTION)).toEqual({ count: 2, last: undefined })
  expect(await stored([old, withoutReceiver, young])).toEqual([young])
  const [left] = await sql<{ deliveries: number; attempts: number }[]>`
    select (select count(*) from webhook_deliveries) as deliveries, (select count(*) from webhook_attempts) as attempts`
  expect(left).toEqual({ deliveries: 1, attempts: 1 })
})

test('an old event stays while a delivery of it is pending, or ended not long ago', async () => {
  const pending = await storeEvent(90, ['DELIVERED', 90], ['PENDING', 90])
  const redelivered = await storeEvent(80, ['DELIVERED', 2])
  expect(await prune(sql, RETENTION)).toEqual({ count: 0, last: undefined })
  expect(await stored([pending, redelivered])).toEqual([pending, redelivered])
})

test('a redelivery that is under way at the same time keeps its event', async () => {
  const event = await storeEvent(31, ['FAILED', 31])
  await sql.begin(async (transaction) => {
    await transaction`
      update webhook_deliveries set status = 'PENDING', next_attempt_at = clock_timestamp() where event_id = ${event}`
    expect((await prune(sql, RETENTION)).count).toBe(0)
  })
  expect((await prune(sql, RETENTION)).count).toBe(0)
  expect(await stored([event])).toEqual([event])
})

test('a walk goes on behind what stays', async () => {
  const [first, second] = [await storeEvent(120, ['PENDING', 120]), await storeEvent(119, ['DELIVERED', 119])]
  const step = await prune(sql, { ...RETENTION, most: 1 })
  expect(step).toEqual({ count: 0, last: first })
  expect(await prune(sql, { ...RETENTION, most: 1, after: first })).toEqual({ count: 1, last: second })
})

test('the events of movements go with those of payments, by their times and in one walk', async () => {
  const ids: string[] = []
  for (const [place, kind] of ['ref_', '', 'void_', 'cap_', ''].entries())
    ids.push(await storeEventOf(kind, 200 - place))
  const young = await storeEventOf('ref_', 29)
  const last = await prune(sql, { ...RETENTION, most: 2 })
  expect(last).toEqual({ count: 2, last: ids[1] })
  expect(await stored(ids)).toEqual(ids.slice(2).toSorted())
  expect(await prune(sql, { ...RETENTION, after: ids[1] ?? '', most: 3 })).toEqual({ count: 3, last: ids[4] })
  expect(await stored([...ids, young])).toEqual([young])
})

test('a sender deletes in batches what has become old, and says how much', async () => {
  const receiver = await startReceiver()
  await rig.addEndpoint(receiver)
  const ids: string[] = []
  for (let i = 0; i < 3; i++) ids.push(await storeEvent(31, ['DELIVERED', 31]))
  const sender = await rig.startSender({ pruneIntervalMs: 20 })
  await eventually(async () => {
    expect(await stored(ids)).toEqual([])
  })
  const later = await storeEvent(31)
  await eventually(async () => {
    expect(await stored([later])).toEqual([])
  })
  await eventually(() => {
    const counts = sender.events.map((event) => (event.type === 'pruned' ? event.count : 0))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4)
  })
})
