import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Settlement } from '../src/domain/settlement.ts'
import { toRecords } from '../src/store/statements/records.ts'
import { toRow } from '../src/store/statements/settle.ts'
import { createMigratedDatabase } from './support/database.ts'

const { sql } = await createMigratedDatabase()

const TRICKY = [
  '',
  ' ',
  '"',
  '\\',
  '\\"',
  ',',
  '(',
  ')',
  '{',
  '}',
  'null',
  'NULL',
  "'",
  '\t\r\n',
  '$1',
  'é\u2028😀',
]
/** PostgreSQL holds neither NUL nor half of a surrogate pair. */
const text = fc.oneof(
  fc.constantFrom(...TRICKY),
  fc.string({ unit: 'binary' }).map((any) => any.replaceAll('\0', '').toWellFormed()),
  fc.array(fc.constantFrom(...TRICKY)).map((parts) => parts.join('')),
)
const amount = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 1, Number.MAX_SAFE_INTEGER))

const request = fc.record({
  id: text,
  amount: fc.option(amount),
  currency: fc.option(text),
  key: text,
  hash: fc.option(text),
  traceparent: fc.option(text),
})

test('records arrive as they were sent, whatever their text holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 20 }), async (requests) => {
      const rows = requests.map(({ id, amount, currency, key, hash, traceparent }) => [
        id,
        amount,
        currency,
        key,
        hash,
        traceparent,
      ])
      const read = await sql`select * from unnest(${toRecords(rows)}::text::payment_request[])`
      expect([...read]).toEqual(requests)
    }),
    { numRuns: 200 },
  )
})

test('each field of a settlement arrives in its own column', async () => {
  const settlement: Settlement = {
    paymentId: 'pay_1',
    fence: 7,
    status: 'FAILED',
    attemptOutcome: 'DECLINED',
    unsent: true,
    countsRetry: false,
    unknown: true,
    countsResolve: true,
    review: false,
    delayMs: 0.5,
    failureCode: 'a code',
    failureKind: 'soft_decline',
    gatewayRef: 'a reference',
    charged: { amount: 9, currency: 'EUR' },
    breakKind: 'late_charge',
    event: 'payment.failed',
    actor: 'an actor',
    evidence: { reason: 'a "quoted" \\ text, (with) {all}', attempt_no: 1 },
  }
  const [read] =
    await sql`select * from unnest(${toRecords([toRow(settlement)])}::text::payment_settlement[])`
  expect(read).toEqual({
    id: 'pay_1',
    fence: 7,
    status: 'FAILED',
    outcome: 'DECLINED',
    unsent: 1,
    counts_retry: 0,
    unknown: true,
    counts_resolve: 1,
    review: false,
    delay_ms: 0.5,
    failure_code: 'a code',
    failure_kind: 'soft_decline',
    gateway_ref: 'a reference',
    charged_amount: 9,
    charged_currency: 'EUR',
    break_kind: 'late_charge',
    event: 'payment.failed',
    actor: 'an actor',
    evidence: settlement.evidence,
  })
})

test('a field that is undefined is refused', () => {
  expect(() => toRecords([['pay_1', undefined as unknown as null]])).toThrow(TypeError)
})

test('no rows are no rows', async () => {
  expect([...(await sql`select * from unnest(${toRecords([])}::text::payment_claim[])`)]).toEqual([])
})
