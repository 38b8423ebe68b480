import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Settlement } from '../src/domain/claim.ts'
import { claimRecord, settlementRecord } from '../src/store/claim.ts'
import { requestRecord } from '../src/store/create.ts'

import { createMigratedDatabase } from '@titan/testkit/vitest'

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

test.each<Pick<typeof requestRecord, 'name' | 'columns'>>([requestRecord, claimRecord, settlementRecord])(
  '$name has its columns in the order of the database',
  async ({ name, columns }) => {
    const attributes = await sql<{ attname: string }[]>`
      select attname from pg_attribute where attrelid = ${name}::regclass and attnum > 0 order by attnum`
    expect(columns).toEqual(attributes.map(({ attname }) => attname))
  },
)

test('records arrive as they were sent, whatever their text holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 20 }), async (requests) => {
      const records = requestRecord.encode(requests as Parameters<typeof requestRecord.encode>[0])
      const read = await sql`select * from unnest(${records}::text::payment_request[])`
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
    nextGateway: 'adyen',
    delayMs: 0.5,
    failureCode: 'a code',
    failureKind: 'soft_decline',
    gatewayRef: 'a reference',
    waitsFor: 'customer',
    waitsUntil: new Date('2026-12-01T00:00:00Z'),
    waitMs: 1.5,
    nextAction: { type: 'redirect', url: 'https://bank.example/?a="b",(c)' },
    charged: { amount: 9, currency: 'EUR' },
    breakKind: 'late_charge',
    event: 'payment.failed',
    actor: 'an actor',
    evidence: { reason: 'a "quoted" \\ text, (with) {all}', attempt_no: 1 },
  }
  const [read] =
    await sql`select * from unnest(${settlementRecord.encode([settlement])}::text::payment_settlement_3[])`
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
    waits_for: 'customer',
    waits_until: settlement.waitsUntil,
    wait_ms: 1.5,
    next_gateway: 'adyen',
  })
})

test('a field that is undefined is refused', () => {
  expect(() => claimRecord.encode([{ paymentId: 'pay_1', fence: undefined as never }])).toThrow(TypeError)
})

test('no rows are no rows', async () => {
  expect([...(await sql`select * from unnest(${claimRecord.encode([])}::text::payment_claim[])`)]).toEqual([])
})
