import { randomUUID } from 'node:crypto'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { BooksDuty, createPaymentStore, gatewaysOf, type PaymentsEvent } from '../src/index.ts'
import { booksOf } from './support/books.ts'
import { createMovement } from './support/movements.ts'
import { claim } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

function dutyOf(books: ReturnType<typeof booksOf>, owner: string, given = {}) {
  const events: PaymentsEvent[] = []
  const gateways = gatewaysOf([books.gateway])
  const onEvent = (event: PaymentsEvent): void => void events.push(event)
  const times = { settleMs: 0, pauseMs: 0, lookEveryMs: 10 }
  const duty = new BooksDuty({ store, gateways, owner, ...times, onEvent, ...given })
  onTestFinished(() => duty.stop())
  return { duty, events }
}

test('one worker of a fleet compares each hour, and finds what was planted', async () => {
  const books = booksOf(store, sql)
  await books.paid()
  await books.paid()
  books.records.shift()
  const fleet = ['w1', 'w2', 'w3'].map((owner) => dutyOf(books, owner))
  for (const { duty } of fleet) duty.start()
  const all = (): PaymentsEvent[] => fleet.flatMap(({ events }) => events)
  // The first look, and two later ones.
  await eventually(() => expect(all()).toHaveLength(3))
  await Promise.all(fleet.map(({ duty }) => duty.runOnce()))
  expect(
    all()
      .map((event) => (event.type === 'books_compared' ? event.report.recorded : -1))
      .toSorted((a, b) => a - b),
  ).toEqual([0, 0, 1])
})

test('a comparison that fails continues at the next look, from its mark', async () => {
  const { list, ...books } = withList(booksOf(store, sql))
  const { duty, events } = dutyOf(books, 'w1')
  list.fails = true
  await duty.runOnce()
  expect(events).toMatchObject(Array.from({ length: 3 }, () => ({ type: 'error', source: 'books' })))
  list.fails = false
  await duty.runOnce()
  expect(events.slice(3)).toMatchObject(
    Array.from({ length: 3 }, () => ({ type: 'books_compared', report: { differences: 0 } })),
  )
})

test('what changes at the gateway days after the first look is found without a webhook', async () => {
  const books = booksOf(store, sql)
  const { id: paymentId, gatewayRef: chargeRef, record } = await books.paid()
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  const claimed = await claim(store, id, { gateway: books.name })
  const outcome = { type: 'SUCCEEDED', gatewayRef: 're_1', amount: 200, currency: 'USD' } as const
  await store.settle(settlementOf(claimed, outcome))
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000)
  const refund = { gatewayRef: 're_1', chargeRef, amount: 200, at: ago(7.5) }
  books.records.splice(
    0,
    1,
    { ...record, status: 'canceled', at: ago(35.5) },
    books.recordOf(id, { ...refund, status: 'failed' }),
  )
  const { duty, events } = dutyOf(books, 'w1')
  await duty.runOnce()
  expect(events.map(({ type }) => type)).toEqual(Array(3).fill('books_compared'))
  expect((await books.breaks()).map(({ kind }) => kind)).toEqual(['refund_failed', 'status_mismatch'])
  // Each is looked at once in each pass.
  const { list } = books.calls
  await duty.runOnce()
  expect(books.calls.list).toBe(list)
})

test('a comparison that finds too much waits for the next hour, instead of finding more each minute', async () => {
  const books = booksOf(store, sql)
  const records = Array.from({ length: 1_001 }, () =>
    books.recordOf(`pay_${randomUUID().replaceAll('-', '')}`, { at: new Date(Date.now() - 1_000) }),
  )
  books.records.push(...records)
  const gateway = { ...books.gateway, lookup: undefined, list: async () => ({ records: books.records }) }
  const { duty, events } = dutyOf({ ...books, gateway }, 'w1')
  await duty.runOnce()
  expect(events[0]).toMatchObject({ type: 'error', error: { code: 'TOO_MANY_DIFFERENCES' } })
  await duty.runOnce()
  await dutyOf({ ...books, gateway }, 'w2').duty.runOnce()
  expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
  expect(await books.breaks()).toHaveLength(1_000)
})

test('a gateway without a list costs no statement', async () => {
  const books = booksOf(store, sql, { list: undefined })
  const { duty, events } = dutyOf(books, 'w1')
  duty.start()
  await duty.runOnce()
  expect(events).toEqual([])
  expect(await sql`select from reconciliation_marks where gateway = ${books.name}`).toHaveLength(0)
})

function withList(books: ReturnType<typeof booksOf>) {
  const list = { fails: false }
  const gateway = {
    ...books.gateway,
    list: () => (list.fails ? Promise.reject(new Error('503')) : Promise.resolve({ records: [] })),
  }
  return { ...books, gateway, list }
}
