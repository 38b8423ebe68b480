import type { Database } from '@titan/payments'
import { statement } from './statements.ts'

/** What happened to payments in an interval. */
export interface Activity {
  readonly from: Date
  readonly to: Date
  readonly created: number
  readonly succeeded: number
  readonly failed: number
  readonly retried: number
  /** From acceptance to the end, in milliseconds; null when none ended. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** Ended payments whose latency is measured; more add nothing. */
const MEASURED = 2_000

/** What is younger is left to the next interval, so that transactions which are about to end are not missed. */
const SETTLE_MS = 1_000

const start = statement<{ readonly at: Date }>('activity_start')
const activity = statement<Activity>('activity')

/** Reads the time of the database from which activity is counted. */
export async function readStart(sql: Database): Promise<Date> {
  const [row] = await start(sql, { settleMs: SETTLE_MS })
  return row?.at ?? new Date()
}

/** Reads what happened from `since` until a second ago. */
export async function readActivity(sql: Database, since: Date): Promise<Activity> {
  const [row] = await activity(sql, { since, settleMs: SETTLE_MS, sample: MEASURED })
  if (row === undefined) throw new Error('An aggregate without a row')
  return row
}
