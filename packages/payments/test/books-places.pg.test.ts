import { setTimeout } from 'node:timers/promises'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import {
  AccountGateways,
  BooksDuty,
  createAccountStore,
  createPaymentStore,
  CredentialStore,
  gatewaysOf,
  type PaymentsEvent,
} from '../src/index.ts'
import { booksOf } from './support/books.ts'
import { claim, newKey, read } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const credentials = new CredentialStore(sql, {
  seal: (text) => Buffer.from(text),
  open: (sealed) => Buffer.from(sealed).toString(),
})

/** A gateway of the program, and that of an account under its own credentials. */
async function placesOf(isShared: boolean) {
  const books = booksOf(store, sql)
  const account = `acme-${newKey()}`.slice(0, 40).toLowerCase()
  await createAccountStore(sql).create({ id: account, name: account, mode: null })
  const place = await credentials.set({ account, gateway: books.name, mode: null, variables: {} })
  const shared = isShared ? { list: books.gateway.list, lookup: books.gateway.lookup } : {}
  const own = booksOf(store, sql, { name: place, ...shared })
  const onError = (error: unknown): never => {
    throw error
  }
  const create = () => Promise.resolve(own.gateway)
  const gateways = new AccountGateways({
    gateways: gatewaysOf([books.gateway]),
    credentials,
    create,
    onError,
  })
  await gateways.start()
  const events: PaymentsEvent[] = []
  const onEvent = (event: PaymentsEvent): void => void events.push(event)
  const duty = new BooksDuty({ store, gateways, owner: 'w1', settleMs: 0, pauseMs: 0, onEvent })
  const compare = async () => {
    // What was recorded within this millisecond is not before the end of the span.
    await setTimeout(2)
    await duty.runOnce()
    await gateways.close()
    return events.flatMap((event) =>
      event.type === 'books_compared' && event.report.records > 0 ? [event.report] : [],
    )
  }
  return { books, own, account, compare }
}

test('each place is compared with its own list, and its breaks are about its payments', async () => {
  const { books, own, compare } = await placesOf(false)
  await books.paid()
  await own.paid()
  const missing = await own.paid({ status: 'canceled' })
  const reports = await compare()
  expect(reports).toMatchObject([
    { gateway: books.name, records: 1, differences: 0 },
    { gateway: own.name, records: 2, moved: 2, recorded: 1 },
  ])
  expect(await own.breaks()).toMatchObject([{ kind: 'status_mismatch', payment_id: missing.id }])
  expect(await books.breaks()).toEqual([])
})

test('two places of one account at the gateway judge only what is theirs', async () => {
  const { books, own, account, compare } = await placesOf(true)
  await books.paid()
  const lost = await books.paid()
  await own.paid()
  const missing = await own.paid()
  books.records.splice(books.records.indexOf(lost.record), 1)
  own.records.splice(own.records.indexOf(missing.record), 1)
  // One is under way at the account's place, one has failed there and was charged.
  const others = []
  for (const type of ['open', 'failed'] as const) {
    const answer = await store.create({ amount: 500, idempotencyKey: newKey(), account })
    if (answer.kind !== 'created') throw new Error('not created')
    const { id } = answer.payment
    const claimed = await claim(store, id, { gateway: own.name })
    if (type === 'failed')
      await store.settle(settlementOf(claimed, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }))
    others.push(id)
  }
  const [open = '', failed = ''] = others
  books.records.push(...own.records, books.recordOf(open), books.recordOf(failed))
  const records = 4
  expect(await compare()).toMatchObject([{ records }, { records }])
  expect(await books.breaks()).toMatchObject([{ kind: 'missing_at_gateway', payment_id: lost.id }])
  expect(await own.breaks()).toMatchObject([
    { kind: 'late_charge', payment_id: failed },
    { kind: 'missing_at_gateway', payment_id: missing.id },
  ])
  expect(await read(store, open)).toMatchObject({ status: 'PROCESSING', needsReview: false })
})

test('the list of an account says nothing about payments of others', async () => {
  const { books, own, compare } = await placesOf(false)
  const elsewhere = booksOf(store, sql)
  const paid = await books.paid()
  const under = await store.create({ amount: 500, idempotencyKey: newKey() })
  if (under.kind !== 'created') throw new Error('not created')
  const { id } = under.payment
  await claim(store, id, { gateway: elsewhere.name })
  // Anyone can put these keys among the metadata of a charge.
  own.records.push(
    own.recordOf(id, { gatewayRef: 'ch_1' }),
    own.recordOf(id, { gatewayRef: 'ch_2' }, 9),
    own.recordOf(paid.id, { gatewayRef: 'ch_3' }, 9),
    own.recordOf(paid.id, { gatewayRef: 'ch_4', amount: 1 }),
  )
  expect(await compare()).toMatchObject([{ records: 1 }, { records: 4, differences: 0, reported: 0 }])
  expect(await own.breaks()).toEqual([])
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: false, openCharges: 0 })
})
