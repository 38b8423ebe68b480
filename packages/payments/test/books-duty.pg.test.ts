import { randomUUID } from 'node:crypto'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { BooksDuty, createPaymentStore, gatewaysOf, type PaymentsEvent } from '../src/index.ts'
import { booksOf } from './support/books.ts'

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
  await eventually(() => expect(all()).toHaveLength(1))
  await Promise.all(fleet.map(({ duty }) => duty.runOnce()))
  expect(all()).toMatchObject([{ type: 'books_compared', report: { recorded: 1, moved: 2 } }])
})

test('a comparison that fails continues at the next look, from its mark', async () => {
  const { list, ...books } = withList(booksOf(store, sql))
  const { duty, events } = dutyOf(books, 'w1')
  list.fails = true
  await duty.runOnce()
  expect(events).toMatchObject([{ type: 'error', source: 'books' }])
  list.fails = false
  await duty.runOnce()
  expect(events.slice(1)).toMatchObject([{ type: 'books_compared', report: { differences: 0 } }])
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
  expect(events).toMatchObject([{ type: 'error', error: { code: 'TOO_MANY_DIFFERENCES' } }])
  await duty.runOnce()
  await dutyOf({ ...books, gateway }, 'w2').duty.runOnce()
  expect(events).toHaveLength(1)
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
