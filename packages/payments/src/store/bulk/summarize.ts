import { codeOf } from '@titan/queue-core/text-of'
import { PaymentsError } from '../../domain/errors.ts'
import { CLOCK_MARGIN_MS, firstPaymentIdOf } from '../../domain/identifiers.ts'
import type { PaymentStatus } from '../../domain/payment.ts'
import type { Database } from '../database.ts'
import { statement } from '../statements.ts'

/** Which payments to sum up, and by what. */
export interface SummaryFilter {
  readonly createdAfter: Date
  readonly createdBefore: Date
  /** Whose. @default all, for operators */
  readonly account?: string | undefined
  /** @default 'day' */
  readonly by?: SummaryPeriod | undefined
  /** Where a day begins, such as `Europe/Berlin`. @default 'UTC' */
  readonly timeZone?: string | undefined
}

/** The periods of a summary. */
export const SUMMARY_PERIODS = ['day', 'month'] as const
export type SummaryPeriod = (typeof SUMMARY_PERIODS)[number]

/** Payments of one period, currency, status and gateway; the gateway is null before the first attempt. */
interface Group<Sum> {
  /** `2026-11-24`, or `2026-11`. */
  readonly period: string
  readonly currency: string
  readonly status: PaymentStatus
  readonly gateway: string | null
  readonly payments: number
  readonly amount: Sum
  readonly amountCaptured: Sum
  readonly amountRefunded: Sum
}
export type SummaryRow = Group<bigint>

/** Most rows of a summary. */
export const MAX_SUMMARY = 10_000
const FORMATS = { day: 'YYYY-MM-DD', month: 'YYYY-MM' }

const summarizeGroups = statement<Group<string>>('summarize')

/** The database has fewer time zones than JavaScript, such as none of the former names. */
const INVALID_PARAMETER = '22023'

/**
 * Sums up payments exactly, each currency on its own: at most {@link MAX_SUMMARY} rows.
 *
 * @throws {PaymentsError} `UNKNOWN_TIME_ZONE`
 */
export async function summarize(sql: Database, filter: SummaryFilter): Promise<SummaryRow[]> {
  const { createdAfter, createdBefore, account = null, by = 'day', timeZone = 'UTC' } = filter
  const rows = await summarizeGroups(sql, {
    below: firstPaymentIdOf(new Date(createdBefore.getTime() + CLOCK_MARGIN_MS)),
    from: firstPaymentIdOf(new Date(createdAfter.getTime() - CLOCK_MARGIN_MS)),
    createdAfter,
    createdBefore,
    account,
    timeZone,
    format: FORMATS[by],
    limit: MAX_SUMMARY,
  }).catch((error: unknown) => {
    if (codeOf(error) !== INVALID_PARAMETER) throw error
    const message = `PostgreSQL has no time zone ${timeZone}: use its present name, such as Asia/Kolkata for Asia/Calcutta`
    throw new PaymentsError('UNKNOWN_TIME_ZONE', message, { cause: error })
  })
  return rows.map(({ amount, amountCaptured, amountRefunded, ...group }) => ({
    ...group,
    amount: BigInt(amount),
    amountCaptured: BigInt(amountCaptured),
    amountRefunded: BigInt(amountRefunded),
  }))
}

/** Returns a sum as a number where JavaScript holds it exactly, else as its digits. */
export function formatSum(sum: bigint): number | string {
  return sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : String(sum)
}

/** A name as of the IANA database: PostgreSQL reads abbreviations and offsets in another way than JavaScript. */
const ZONE_NAME = /^[a-z_]+(?:\/[\w+-]+)+$/i

/** Whether a name is one of a time zone, present or former. */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC') return true
  try {
    return ZONE_NAME.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== ''
  } catch {
    return false
  }
}
