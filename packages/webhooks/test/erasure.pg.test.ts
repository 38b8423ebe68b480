import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { eraseBodies } from '../src/index.ts'
import { dispatchDue, loadSendable, recordFailure, recordSuccess } from '../src/store/attempts.ts'

const { sql } = await createMigratedDatabase()
const LIMITS = { breakAfter: 100, breakMs: 1_000, maxBreakMs: 1_000, disableAfterMs: 86_400_000 }
const BATCH = { most: 10, leaseMs: 60_000, maxPerEndpoint: 10 }
const SECRET = 'canary-4711'
let count = 0

/** A webhook whose body and whose receiver's answer say more than is to be kept, under way. */
async function underWay() {
  const id = `${++count}`
  const payload = { id: `evt_${id}`, data: { id: `pay_${id}`, reference: SECRET } }
  await sql`insert into webhook_endpoints (id, url, secret) values (${`we_${id}`}, 'https://example.com/', '\\x00')`
  await sql`
    insert into webhook_events (id, type, payment_id, payload, at)
    values (${`evt_${id}`}, 'payment.succeeded', ${`pay_${id}`}, ${JSON.stringify(payload)}, clock_timestamp())`
  await sql`
    insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at)
    values (${`evt_${id}`}, ${`we_${id}`}, 'PENDING', clock_timestamp())`
  const [dispatch] = await dispatchDue(sql, BATCH)
  if (dispatch === undefined) throw new Error('nothing was dispatched')
  const sendable = await loadSendable(sql, dispatch, BATCH.leaseMs)
  expect(sendable?.payload).toContain(SECRET)
  return {
    paymentId: `pay_${id}`,
    dispatch,
    report: { ...dispatch, durationMs: 1, code: 200, response: SECRET },
  }
}

const erase = (paymentId: string) => sql.begin((transaction) => eraseBodies(transaction, [paymentId]))

async function everything(): Promise<string> {
  const [row] = await sql<{ text: string }[]>`
    select (select string_agg(e::text, ' ') from webhook_events e)
           || coalesce((select string_agg(a::text, ' ') from webhook_attempts a), '') as text`
  return row?.text ?? ''
}

test.each(['delivered', 'failed'])(
  'a webhook %s after an erasure stores nothing, and is sent again',
  async (how) => {
    const { paymentId, dispatch, report } = await underWay()
    await erase(paymentId)
    const failure = {
      ...report,
      error: 'http_status' as const,
      detail: SECRET,
      delayMs: 0,
      isGone: false,
      pauseMs: 0,
      tries: 0,
    }
    const isStored =
      how === 'delivered' ? await recordSuccess(sql, report) : await recordFailure(sql, failure, LIMITS)
    expect(Boolean(isStored)).toBe(false)
    expect(await everything()).not.toContain(SECRET)

    await sql`update webhook_deliveries set leased_until = clock_timestamp() - interval '1 second' where id = ${dispatch.deliveryId}`
    const again = await dispatchDue(sql, BATCH)
    expect(again).toMatchObject([{ deliveryId: dispatch.deliveryId }])
    for (const one of again) {
      expect((await loadSendable(sql, one, BATCH.leaseMs))?.payload).not.toContain(SECRET)
      expect(await recordSuccess(sql, { ...one, durationMs: 1, code: 200, response: '' })).toBe(true)
    }
  },
)

test('an erasure waits for a result that is being stored, and blanks it', async () => {
  const { paymentId, report } = await underWay()
  let erased: Promise<unknown> | undefined
  await sql.begin(async (transaction) => {
    expect(await recordSuccess(transaction as unknown as typeof sql, report)).toBe(true)
    erased = erase(paymentId)
    // Until it waits for the lock.
    for (let waits = 0; waits === 0;)
      [{ waits = 0 } = {}] = await sql<{ waits: number }[]>`
        select count(*)::int as waits from pg_locks where not granted and pid in (select pid from pg_stat_activity where datname = current_database())`
  })
  await erased
  expect(await everything()).not.toContain(SECRET)
})
