import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { applyDispute, createPaymentStore, type DisputeRecord } from '../src/index.ts'
import { booksOf } from './support/books.ts'
import { read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const OPENED = new Date('2026-11-20T10:00:00Z')
const later = (minutes: number): Date => new Date(OPENED.getTime() + minutes * 60_000)

function disputeOf(chargeRef: string, given: Partial<DisputeRecord> = {}): DisputeRecord {
  const facts = { gatewayRef: `du_${chargeRef}`, chargeRef, amount: 500, currency: 'USD', at: OPENED }
  return { kind: 'dispute', ...facts, status: 'needs_response', reason: 'fraudulent', ...given }
}

function reporterOf(gateway: string, chargeRef: string) {
  return (saidAt: Date, given: Partial<DisputeRecord> = {}) =>
    applyDispute({ gateway, dispute: disputeOf(chargeRef, given), saidAt, actor: 'webhook:books' }, store)
}

test('reports of a dispute in any order leave its last word, an event each, and the status as it is', async () => {
  const books = booksOf(store, sql)
  const { id, gatewayRef } = await books.paid()
  const report = reporterOf(books.name, gatewayRef)
  expect(await report(later(0))).toBe('recorded')
  expect(await report(later(30), { status: 'lost' })).toBe('recorded')
  for (const copy of [
    report(later(0)),
    report(later(10), { status: 'under_review' }),
    report(later(30), { status: 'lost' }),
  ])
    expect(await copy).toBe('known')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', disputeStatus: 'lost' })
  expect(await store.disputes(id)).toMatchObject([{ id: `du_${gatewayRef}`, status: 'lost', amount: 500 }])
  const events = (await store.events(id)).slice(4)
  expect(events.map(({ type }) => type)).toEqual(['dispute.opened', 'dispute.closed'])
  expect(events[1]).toMatchObject({
    fromStatus: 'SUCCESS',
    toStatus: 'SUCCESS',
    actor: 'webhook:books',
    evidence: { dispute_id: `du_${gatewayRef}`, dispute_status: 'lost', disputed_amount: 500 },
  })
  expect(await report(later(60), { status: 'won' })).toBe('recorded')
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', disputeStatus: 'won' })
})

test('what was said before the last report of a dispute stays without effect, also when that one was no news', async () => {
  const books = booksOf(store, sql)
  const { id, gatewayRef } = await books.paid()
  const report = reporterOf(books.name, gatewayRef)
  expect(await report(later(0))).toBe('recorded')
  expect(await report(later(20))).toBe('known')
  expect(await report(later(10), { status: 'under_review' })).toBe('known')
  expect(await read(store, id)).toMatchObject({ disputeStatus: 'needs_response' })
  expect(await report(later(30), { amount: 400 })).toBe('recorded')
  expect((await store.events(id)).slice(4).map(({ type }) => type)).toEqual([
    'dispute.opened',
    'dispute.updated',
  ])
})

test.each([[[0, 1, 2]], [[2, 1, 0]], [[1, 2, 0]]])(
  'of several disputes the worst is shown, reported as %j',
  async (order) => {
    const books = booksOf(store, sql)
    const { id, gatewayRef } = await books.paid()
    const report = (gatewayDispute: string, status: DisputeRecord['status'], minutes: number) => {
      const dispute = disputeOf(gatewayRef, { gatewayRef: `${gatewayDispute}_${gatewayRef}`, status })
      return applyDispute(
        { gateway: books.name, dispute, saidAt: later(minutes), actor: 'webhook:books' },
        store,
      )
    }
    const reports = [
      () => report('du_1', 'needs_response', 0),
      () => report('du_2', 'won', 10),
      () => report('du_3', 'inquiry', 20),
    ]
    for (const index of order) expect(await reports[index]?.()).toBe('recorded')
    expect(await read(store, id)).toMatchObject({ disputeStatus: 'needs_response' })
    expect(await store.disputes(id)).toHaveLength(3)
    await report('du_1', 'lost', 30)
    expect(await read(store, id)).toMatchObject({ disputeStatus: 'inquiry' })
    await report('du_3', 'closed', 40)
    expect(await read(store, id)).toMatchObject({ disputeStatus: 'lost' })
  },
)

test('a dispute about a charge of nobody here is none of ours', async () => {
  const books = booksOf(store, sql)
  const said = { gateway: books.name, saidAt: OPENED, actor: 'webhook:books' }
  expect(await applyDispute({ ...said, dispute: disputeOf('ch_shop') }, store)).toBe('unknown')
  const gatewayKey = `titan_pay_${'0'.repeat(32)}_1`
  expect(await applyDispute({ ...said, dispute: disputeOf('ch_shop', { gatewayKey }) }, store)).toBe(
    'unknown',
  )
})

test('a comparison finds a dispute whose webhook was lost, once', async () => {
  const books = booksOf(store, sql)
  const { id, gatewayRef } = await books.paid()
  books.records.push(disputeOf(gatewayRef, { at: new Date() }))
  expect(await books.compare()).toMatchObject({ reported: 1, differences: 0 })
  expect(await books.compare()).toMatchObject({ reported: 0, differences: 0 })
  expect(await read(store, id)).toMatchObject({ disputeStatus: 'needs_response' })
})
