import { isTimeZone, formatSum, PAYMENT_STATUSES, SUMMARY_PERIODS, type SummaryRow } from '@titan/payments'
import * as v from 'valibot'
import { count, described, oneOf, queryOf } from './parts.ts'
import { currency } from './payments.ts'
import { instantText } from './requests.ts'

const sum = described(
  v.union([count, v.pipe(v.string(), v.regex(/^\d{16,}$/))]),
  'Minor units of the currency; digits as text above 2^53 - 1',
)

const summaryRow = v.object({
  period: described(v.string(), 'Such as 2026-11-24, or 2026-11'),
  currency,
  status: v.picklist(PAYMENT_STATUSES),
  gateway: described(v.nullable(v.string()), 'Null before the first attempt'),
  payments: count,
  amount: sum,
  amount_captured: sum,
  amount_refunded: sum,
})

/** The query of a summary. */
export const summaryQuery = queryOf({
  created_after: described(instantText, 'Created at this time (RFC 3339) or later'),
  created_before: described(instantText, 'Created before this time (RFC 3339), at most 92 days later'),
  by: v.exactOptional(described(oneOf(SUMMARY_PERIODS), 'Default: day')),
  time_zone: v.exactOptional(
    v.pipe(
      v.string(),
      v.maxLength(64, 'is too long'),
      v.check(isTimeZone, 'must be the name of a time zone such as Europe/Berlin'),
      v.description('Where a day begins. Default: UTC'),
    ),
  ),
})

/** The response bodies of summaries, by their names in the document. */
export const SUMMARY_SCHEMAS = { PaymentSummary: v.object({ data: v.array(summaryRow) }) }

/** Presents the payments of one period, currency, status and gateway. */
export function presentSummary({ amount, amountCaptured, amountRefunded, ...group }: SummaryRow) {
  const sums = [amount, amountCaptured, amountRefunded].map(formatSum)
  return { ...group, amount: sums[0], amount_captured: sums[1], amount_refunded: sums[2] }
}
