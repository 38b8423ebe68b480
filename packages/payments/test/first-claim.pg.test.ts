import { expect, onTestFinished, test } from 'vitest'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPaymentStore, openDatabase, type PaymentStore } from '../src/index.ts'
import { claim, createPayment } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** Changes a payment in a transaction that commits only after `meanwhile` waits for its lock. */
async function whileLocked<Result>(change: string, meanwhile: () => Promise<Result>): Promise<Result> {
  const other = openDatabase(url, { poolSize: 1 })
  onTestFinished(() => other.end({ timeout: 5 }))
  // In a record, because a transaction awaits the promise that it is given.
  const { waiting } = await other.begin(async (transaction) => {
    await transaction.unsafe(change)
    const begun = { waiting: meanwhile() }
    const waits = async (): Promise<boolean> => {
      const [row] = await sql<{ waits: boolean }[]>`
        select exists (select from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock') as waits`
      return row?.waits === true
    }
    while (!(await waits()));
    return begun
  })
  return waiting
}

async function createClaimed(store: PaymentStore) {
  const { id } = await createPayment(store)
  return claim(store, id)
}

// F23
test('a first claim that waited for the relay keeps the event of the relay', async () => {
  const { id } = await createPayment(store)
  await whileLocked(
    `update payments set status = 'QUEUED', event_seq = 2, queued_at = clock_timestamp(), queued_by = 'relay' where id = '${id}'`,
    () => claim(store, id),
  )
  const events = await store.events(id)
  expect(events.map(({ type, actor }) => `${type} ${actor}`)).toEqual([
    'payment.created api',
    'payment.queued relay',
    'payment.processing w1',
  ])
  expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted((a, b) => +a - +b))
})

// F23
test.each([
  ['parked', 'needs_review = true'],
  ['postponed', `next_run_at = clock_timestamp() + interval '1 hour'`],
  ['given to another gateway', `gateway = 'other', attempt_no = 1, attempt_open = true, fence = 1`],
  ['canceled', `status = 'FAILED', failure_code = 'canceled', failure_kind = 'canceled', event_seq = 2`],
])('a first claim that waited takes no payment that was %s meanwhile', async (_, change) => {
  const { id } = await createPayment(store)
  const answer = await whileLocked(`update payments set ${change} where id = '${id}'`, () =>
    store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' }),
  )
  expect(answer).toMatchObject({ kind: 'skipped' })
})

// F23
test('a success of the first send that waited for a takeover changes nothing', async () => {
  const held = await createClaimed(store)
  const isWritten = await whileLocked(
    `update payments set fence = 2, takeovers = 1, event_seq = 4 where id = '${held.paymentId}'`,
    () => store.settle(settlementOf(held, successOf(held))),
  )
  expect(isWritten).toBe(false)
})

test.each([
  ['parked', 'needs_review = true'],
  ['unknown', 'unknown_since = clock_timestamp()'],
  ['waiting', `waits_for = 'gateway'`],
])('a success of the first send ends that its payment is %s', async (_, change) => {
  const held = await createClaimed(store)
  await sql.unsafe(`update payments set ${change} where id = '${held.paymentId}'`)
  expect(await store.settle(settlementOf(held, successOf(held)))).toBe(true)
  const ended = { status: 'SUCCESS', needsReview: false, unknownSince: null, waitsFor: null }
  expect(await store.get(held.paymentId)).toMatchObject(ended)
})
