import { createMigratedDatabase } from '@titan/testkit/vitest'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createPaymentStore } from '../src/index.ts'
import { booksOf } from './support/books.ts'
import { createMovement } from './support/movements.ts'
import { claim, createPayment, newKey, read } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const stranger = (): string => `pay_${randomBytes(16).toString('hex')}`

test('books that agree have no difference, whatever the other business of the account', async () => {
  const books = booksOf(store, sql)
  for (let index = 0; index < 8; index++) await books.paid()
  const foreign = {
    kind: 'charge',
    amount: 900,
    currency: 'EUR',
    status: 'succeeded',
    at: new Date(),
  } as const
  books.records.push(
    { ...foreign, gatewayRef: 'ch_shop' },
    { ...foreign, gatewayRef: 'ch_2', gatewayKey: 'order-7' },
  )
  books.records.push({ ...foreign, kind: 'refund', gatewayRef: 're_shop', chargeRef: 'ch_shop' })
  expect(await books.compare()).toMatchObject({
    records: 11,
    compared: 8,
    foreign: 3,
    moved: 8,
    differences: 0,
  })
  expect(await books.breaks()).toEqual([])
  expect(books.calls.lookup).toBe(0)
})

test('every difference is found and recorded once, and nothing else is', async () => {
  const books = booksOf(store, sql)
  const sound = await books.paid()
  const planted = {
    onlyThere: stranger(),
    onlyHere: await books.paid(),
    amount: await books.paid({ amount: 499 }),
    currency: await books.paid({ currency: 'EUR' }),
    status: await books.paid({ status: 'canceled' }),
    reserved: await books.paid({ status: 'authorized' }),
  }
  books.records.splice(books.records.indexOf(planted.onlyHere.record), 1)
  books.records.push(books.recordOf(planted.onlyThere))
  const failed = await createPayment(store)
  const claimed = await claim(store, failed.id, { gateway: books.name })
  await store.settle(settlementOf(claimed, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }))
  books.records.push(books.recordOf(failed.id))
  const twice = await books.paid()
  books.records.push(books.recordOf(twice.id, { gatewayRef: 'ch_second' }))
  const first = await books.compare()
  expect(first).toMatchObject({ differences: 8, recorded: 8 })
  const second = await books.compare()
  expect(second).toMatchObject({ differences: 8, recorded: 0, kinds: first.kinds })
  expect(await books.breaks()).toMatchObject([
    { kind: 'amount_mismatch', payment_id: planted.amount.id },
    { kind: 'currency_mismatch', payment_id: planted.currency.id },
    { kind: 'duplicate_charge', payment_id: twice.id, reference: 'ch_second' },
    { kind: 'late_charge', payment_id: failed.id },
    { kind: 'missing_at_gateway', payment_id: planted.onlyHere.id },
    { kind: 'missing_here', payment_id: null, reference: `ch_${planted.onlyThere}` },
    { kind: 'status_mismatch' },
    { kind: 'status_mismatch' },
  ])
  expect(await read(store, sound.id)).toMatchObject({ status: 'SUCCESS', openCharges: 0 })
  expect(await read(store, planted.status.id)).toMatchObject({ status: 'SUCCESS' })
})

test('a difference closes by itself when a later comparison finds agreement, and opens again', async () => {
  const books = booksOf(store, sql)
  const { record } = await books.paid()
  const other = await books.paid({ status: 'canceled' })
  books.records.shift()
  expect(await books.compare()).toMatchObject({ recorded: 2 })
  books.records.splice(0, 1, record, { ...other.record, status: 'succeeded' })
  // One in its span, the other one by asking for it.
  expect(await books.compare({ since: new Date(Date.now() + 30_000) })).toMatchObject({
    closed: 2,
    differences: 0,
  })
  expect(await books.breaks()).toMatchObject([
    { kind: 'missing_at_gateway', is_open: false, resolved_by: 'reconciliation' },
    { kind: 'status_mismatch', is_open: false, resolved_by: 'reconciliation' },
  ])
  expect(await read(store, other.id)).toMatchObject({ openCharges: 0 })
  books.records.shift()
  expect(await books.compare()).toMatchObject({ recorded: 1, kinds: ['missing_at_gateway'] })
  await sql`update reconciliation_breaks set resolved_at = now(), resolved_by = 'operator:ann' where gateway = ${books.name} and resolved_at is null`
  expect(await books.compare()).toMatchObject({ recorded: 0, differences: 0 })
})

test('records at the edges of windows and pages, of one second and of a wrong clock are found once', async () => {
  const books = booksOf(store, sql)
  const paid = await Promise.all(Array.from({ length: 24 }, () => books.paid()))
  const second = Math.floor(Date.now() / 1_000) * 1_000
  books.records.splice(0, books.records.length)
  for (const [index, { record }] of paid.entries()) {
    // A third in one second, a third by clocks that are 90 seconds off, a third around the first edge.
    const at = [second, second + (index % 2 === 0 ? 90_000 : -90_000), second - 3_600_000 + (index % 3) - 1][
      index % 3
    ]
    books.records.push({ ...record, at: new Date(at ?? second) })
  }
  const since = new Date(second - 3_600_000)
  const report = await books.compare({ since, windowRecords: 9, until: new Date(second + 120_000) })
  expect(report).toMatchObject({ differences: 0, unchecked: 0, moved: 24 })
  const adjacent = await books.compare({ since: new Date(since.getTime() - 3_600_000), until: since })
  expect(report.compared + adjacent.compared).toBe(24)
})

test('what is under way is not judged, what is parked is looked up, and a closed attempt is reported', async () => {
  const books = booksOf(store, sql)
  const open = await createPayment(store)
  await claim(store, open.id, { gateway: books.name })
  const parked = await createPayment(store)
  const held = await claim(store, parked.id, { gateway: books.name })
  const unknown = settlementOf(held, { type: 'UNKNOWN', reason: 'no answer' })
  await store.settle({ ...unknown, review: true })
  books.records.push(books.recordOf(open.id), books.recordOf(parked.id))
  expect(await books.compare()).toMatchObject({ open: 1, reported: 1, differences: 0 })
  expect(await read(store, parked.id)).toMatchObject({ status: 'SUCCESS', gatewayRef: `ch_${parked.id}` })
  expect(await read(store, open.id)).toMatchObject({ status: 'PROCESSING' })
})

test('a refund made at the gateway becomes one here, and one only here is missing there', async () => {
  const books = booksOf(store, sql)
  const { id: paymentId, gatewayRef: chargeRef } = await books.paid()
  const refund = { kind: 'refund', gatewayRef: 're_theirs', chargeRef, amount: 100, currency: 'USD' } as const
  books.records.push({ ...refund, status: 'succeeded', at: new Date() })
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  const claimed = await claim(store, id, { gateway: books.name })
  const outcome = { type: 'SUCCEEDED', gatewayRef: 're_ours', amount: 200, currency: 'USD' } as const
  await store.settle(settlementOf(claimed, outcome))
  const report = await books.compare()
  expect(report).toMatchObject({ reported: 1, recorded: 1, kinds: ['missing_at_gateway'] })
  expect(report.found).toMatchObject([{ paymentId: id, reference: 're_ours' }])
  expect(await read(store, paymentId)).toMatchObject({ amountRefunded: 300 })
  books.records.push(books.recordOf(id, { gatewayRef: 're_ours', chargeRef, amount: 200 }))
  expect(await books.compare()).toMatchObject({ reported: 0, closed: 1, differences: 0 })
  books.records.push({ ...refund, gatewayRef: 're_more', amount: 9_000, status: 'succeeded', at: new Date() })
  expect(await books.compare()).toMatchObject({ kinds: ['missing_here'], recorded: 1 })
  expect(await books.compare()).toMatchObject({ kinds: ['missing_here'], recorded: 0 })
})

test('a refund that failed at the gateway after its success is on record', async () => {
  const books = booksOf(store, sql)
  const { id: paymentId } = await books.paid()
  const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  const claimed = await claim(store, id, { gateway: books.name })
  await store.settle(
    settlementOf(claimed, { type: 'SUCCEEDED', gatewayRef: 're_f', amount: 200, currency: 'USD' }),
  )
  books.records.push(books.recordOf(id, { gatewayRef: 're_f', amount: 200, status: 'failed' }))
  expect(await books.compare()).toMatchObject({ kinds: ['refund_failed'], recorded: 1 })
  expect(await books.compare()).toMatchObject({ kinds: ['refund_failed'], recorded: 0 })
})

test('a charge of one attempt at two gateways is a duplicate at the one that was not asked', async () => {
  const books = booksOf(store, sql)
  const other = booksOf(store, sql)
  const { id } = await books.paid()
  other.records.push(other.recordOf(id, { gatewayRef: 'psp_2' }))
  expect(await books.compare()).toMatchObject({ differences: 0 })
  expect(await other.compare()).toMatchObject({ kinds: ['duplicate_charge'], recorded: 1 })
  expect(await other.compare()).toMatchObject({ kinds: ['duplicate_charge'], recorded: 0 })
})

test('a list that lags behind what the gateway knows of one record writes nothing', async () => {
  const books = booksOf(store, sql)
  const { record } = await books.paid()
  const stale = { ...record, status: 'authorized' } as const
  const list = async () => ({ records: [stale] })
  expect(await books.compare({ gateway: { ...books.gateway, list } })).toMatchObject({ differences: 0 })
  const nothing = async () => ({ records: [] })
  expect(await books.compare({ gateway: { ...books.gateway, list: nothing } })).toMatchObject({
    differences: 0,
  })
  expect(books.calls.lookup).toBeGreaterThan(1)
})

test('a gateway without inquiries is believed in its list, and a failing one never proves anything', async () => {
  const books = booksOf(store, sql, { lookup: undefined })
  await books.paid()
  await books.paid()
  books.records.shift()
  expect(await books.compare()).toMatchObject({ kinds: ['missing_at_gateway'] })
  const silent = booksOf(store, sql, { lookup: () => Promise.reject(new Error('503')) })
  await silent.paid()
  silent.records.shift()
  expect(await silent.compare()).toMatchObject({ unchecked: 1, differences: 0 })
})

test('a thousand new differences end the comparison: the credentials are of another account', async () => {
  const books = booksOf(store, sql)
  for (let index = 0; index < 1_100; index++) books.records.push(books.recordOf(stranger()))
  await expect(
    books.compare({ gateway: { ...books.gateway, list: async () => ({ records: books.records }) } }),
  ).rejects.toMatchObject({ code: 'TOO_MANY_DIFFERENCES' })
  expect(await books.breaks()).toHaveLength(1_000)
})

test('one comparison runs at a time, from where the last one ended', async () => {
  const times = { leaseMs: 60_000, intervalMs: 3_600_000, settleMs: 600_000 }
  const owner = { gateway: newKey(), account: 'default', owner: 'w1' }
  const claims = await Promise.all(
    ['w1', 'w2', 'w3'].map((one) => store.claimComparison({ ...owner, owner: one }, times)),
  )
  const [first, ...more] = claims.filter((one) => one !== undefined)
  expect(more).toEqual([])
  expect((first?.until.getTime() ?? 0) - (first?.since.getTime() ?? 0)).toBe(3_600_000)
  const winner = { ...owner, owner: ['w1', 'w2', 'w3'][claims.indexOf(first)] ?? '' }
  const middle = new Date((first?.since.getTime() ?? 0) + 1_000)
  expect(await store.advanceComparison({ ...owner, owner: 'w9' }, { doneUntil: middle, leaseMs: 1 })).toBe(
    false,
  )
  expect(await store.advanceComparison(winner, { doneUntil: middle, leaseMs: 0 })).toBe(true)
  expect(await store.claimComparison({ ...owner, owner: 'w4' }, { ...times, intervalMs: 1 })).toMatchObject({
    since: middle,
  })
})
