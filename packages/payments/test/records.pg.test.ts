import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toRecords } from '../src/statements/records.ts'
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

test('flags, fractions and JSON arrive too', async () => {
  const evidence = { reason: 'a "quoted" \\ text, (with) {all}', attempt: 1, nothing: null }
  const row = [
    ...[
      'pay_1',
      7,
      'FAILED',
      null,
      0,
      1,
      true,
      0,
      false,
      0.5,
      'code',
      'soft_decline',
      null,
      null,
      null,
      null,
    ],
    ...['payment.failed', 'worker', JSON.stringify(evidence)],
  ]
  const [read] = await sql`select * from unnest(${toRecords([row])}::text::payment_settlement[])`
  expect(read).toMatchObject({ id: 'pay_1', fence: 7, outcome: null, unknown: true, review: false })
  expect(read).toMatchObject({ delay_ms: 0.5, counts_retry: 1, gateway_ref: null, evidence })
})

test('no rows are no rows', async () => {
  expect([...(await sql`select * from unnest(${toRecords([])}::text::payment_claim[])`)]).toEqual([])
})
