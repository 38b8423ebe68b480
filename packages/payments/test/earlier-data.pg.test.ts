import { createFilledDatabase } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  createPaymentStore,
  createSimulatedGateway,
  gatewayKeyOf,
  migrate,
  openDatabase,
  type PaymentStatus,
} from '../src/index.ts'
import { fold } from './support/history.ts'
import { findBreaches } from './support/ledger.ts'
import { createPay } from './support/pay.ts'
import { claim, expireLease, makeDue, read } from './support/payments.ts'

/** What became of each payment of the fixture, by its idempotency key. */
const STATUSES: Readonly<Record<PaymentStatus, readonly string[]>> = {
  PENDING: ['pending'],
  QUEUED: ['queued', 'requeued', 'retrying', 'unsent'],
  PROCESSING:
    'processing lease-over taken-over second-attempt unknown pending-at-gateway review review-retry mischarged late-charge'.split(
      ' ',
    ),
  SUCCESS:
    'success success-after-queue success-second-attempt success-taken-over success-by-webhook success-by-operator'.split(
      ' ',
    ),
  FAILED:
    'hard-decline soft-decline rejected not-sent canceled failed-by-operator refunded late-charge-after-end'.split(
      ' ',
    ),
}
const PARKED = ['review', 'mischarged', 'late-charge']

const database = await createFilledDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url)
const store = createPaymentStore(sql)
const pay = createPay(store)
const ids = new Map<string, string>()
afterAll(async () => {
  await sql.end({ timeout: 5 })
  await database.drop()
})

function idOf(name: string): string {
  return ids.get(name) ?? `no payment ${name}`
}

/** The tables as the programs of that time read them. */
async function readTables() {
  return {
    payments: [
      ...(await sql`
        select id, amount, currency, status, fence, attempt_no, attempt_open, needs_review, failure_code, failure_kind,
               gateway_ref, late_charge_ref, open_charges, event_seq, created_at, updated_at
          from payments order by id`),
    ],
    events: [...(await sql`select * from payment_events order by payment_id, seq`)],
    attempts: [...(await sql`select * from payment_attempts order by payment_id, attempt_no`)],
  }
}
let before: Awaited<ReturnType<typeof readTables>>

beforeAll(async () => {
  before = await readTables()
  await migrate(sql)
  for (const { id, key } of await sql<{ id: string; key: string }[]>`
    select id, idempotency_key as key from payments`)
    ids.set(key, id)
})

/** Everything that the gateway was asked for is charged from now on. */
const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'succeed' })

// A database that the version before filled, in every status: this version reads, finishes and lists all of it
describe('payments of the version before', () => {
  test('are read as they were written', async () => {
    for (const row of before.payments) {
      const { id, status, fence, attempt_no, gateway_ref, failure_code, created_at } = row
      expect(await store.get(String(id))).toMatchObject({
        status,
        fence,
        attemptNo: attempt_no,
        gatewayRef: gateway_ref,
        failureCode: failure_code,
        createdAt: created_at,
      })
    }
    expect(before.payments).toHaveLength(Object.values(STATUSES).flat().length)
  })

  test('have the history and the attempts that they had, without a gap', async () => {
    expect([...(await sql`select * from payment_history order by payment_id, seq`)]).toEqual(before.events)
    expect([...(await sql`select * from attempt_history order by payment_id, attempt_no`)]).toEqual(
      before.attempts,
    )
    for (const id of ids.values()) {
      const { status } = await read(store, id)
      expect(fold(await store.events(id))).toEqual({ ok: true, status })
    }
  })

  test.each(Object.entries(STATUSES))('%s are listed and counted', async (status, names) => {
    const { payments } = await store.page({ status: status as PaymentStatus, limit: 500 })
    expect(payments.map(({ idempotencyKey }) => idempotencyKey).toSorted()).toEqual(names.toSorted())
  })

  test('answer a repeated request with themselves', async () => {
    for (const { key, amount } of await sql<{ key: string; amount: number }[]>`
      select idempotency_key as key, amount from payments`) {
      const answer = await store.create({ amount, idempotencyKey: key })
      expect(answer).toMatchObject({ kind: 'replayed', payment: { id: idOf(key) } })
      expect(await store.create({ amount: amount + 1, idempotencyKey: key })).toEqual({ kind: 'mismatch' })
    }
  })

  test('have their jobs found by state', async () => {
    const found: string[] = []
    for (const status of ['QUEUED', 'PROCESSING'] as const)
      for (const { paymentId } of (await store.unfinishedJobs(status, undefined, 100)).jobs)
        found.push(paymentId)
    const expected = [...STATUSES.QUEUED, ...STATUSES.PROCESSING].filter((name) => !PARKED.includes(name))
    expect(found.toSorted()).toEqual(expected.map(idOf).toSorted())
  })

  test('are kept by the workers that hold them', async () => {
    for (const name of ['processing', 'taken-over', 'second-attempt']) {
      const { fence } = await read(store, idOf(name))
      expect(
        await store.claim(idOf(name), { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' }),
      ).toMatchObject({ kind: 'skipped', reason: 'leased' })
      expect(await store.renew({ paymentId: idOf(name), fence }, 10_000)).toBe(true)
    }
  })

  test('continue under the key of their open attempt', async () => {
    for (const name of ['lease-over', 'unknown', 'unsent']) {
      await makeDue(sql, idOf(name))
      const { attemptNo, mode, gatewayKey } = await claim(store, idOf(name))
      expect({ attemptNo, gatewayKey }).toEqual({ attemptNo: 1, gatewayKey: `titan_${idOf(name)}_1` })
      // Only what was certainly not sent may be sent as the first.
      expect(mode).toBe(name === 'unsent' ? 'send' : 'resolve')
    }
  })

  test('end with the truth, charged once each', async () => {
    await store.relayPending({ limit: 100, minAgeMs: 0, actor: 'relay', enqueue: async () => {} })
    const unfinished = [...STATUSES.PENDING, ...STATUSES.QUEUED, ...STATUSES.PROCESSING].filter(
      (name) => !PARKED.includes(name),
    )
    // The gateway had it already, and decided meanwhile.
    const pending = { paymentId: idOf('pending-at-gateway'), attemptNo: 1, amount: 500, currency: 'USD' }
    const gatewayKey = gatewayKeyOf(pending.paymentId, 1)
    await gateway.charge({ ...pending, gatewayKey }, { signal: new AbortController().signal })
    for (const name of unfinished) {
      await makeDue(sql, idOf(name))
      await expireLease(sql, idOf(name))
      await pay(idOf(name), { gateway })
    }
    const decided = { operator: 'bob', note: 'as the books of the gateway say' }
    expect(await store.decideReview(idOf('review'), { to: 'FAILED', ...decided })).toBe('decided')
    expect(await store.decideReview(idOf('mischarged'), { to: 'FAILED', ...decided })).toBe(
      'charge_on_record',
    )
    // The second attempt of the one with a late charge may be charged too, so it stays parked.
    for (const [name, effect] of [
      ['mischarged', 'failed'],
      ['late-charge', 'closed'],
    ] as const) {
      const [open] = await store.breaks(idOf(name))
      const refund = { gatewayRef: open?.reference ?? '', refundRef: `re_${name}`, ...decided }
      expect(await store.recordRefund(idOf(name), refund)).toBe(effect)
    }

    for (const name of unfinished)
      expect(await read(store, idOf(name)), name).toMatchObject({ status: 'SUCCESS' })
    for (const name of [...STATUSES.SUCCESS, ...STATUSES.FAILED]) {
      const row = before.payments.find(({ id }) => id === idOf(name))
      expect(await read(store, idOf(name)), name).toMatchObject({ status: row?.['status'] })
    }
    for (const name of unfinished)
      expect(await findBreaches(sql, store, gateway.ledger, idOf(name)), name).toEqual([])
    for (const id of ids.values()) {
      const { status } = await read(store, id)
      expect(fold(await store.events(id))).toEqual({ ok: true, status })
    }
  })
})
