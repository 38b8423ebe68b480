import type postgres from 'postgres'
import type { Database } from '../database.ts'
import { firstPaymentIdOf } from '../identifiers.ts'
import type { Payment, PaymentAttempt, PaymentEvent, PaymentStatus } from '../payment.ts'
import { toAttempt, toEvent, toPayment, type AttemptRow, type EventRow, type PaymentRow } from './rows.ts'

/** Which payments to list; newest first. */
export interface ListFilter {
  readonly status?: PaymentStatus
  readonly idempotencyKey?: string
  /** Only those parked for an operator, or only the others. */
  readonly needsReview?: boolean
  /** Minor units, the least. */
  readonly minAmount?: number
  /** Minor units, the most. */
  readonly maxAmount?: number
  /** Only those created at this moment or later. */
  readonly createdAfter?: Date
  /** Only those created earlier than this. */
  readonly createdBefore?: Date
  /** Continues after this id, which the page before ended with. */
  readonly after?: string
  /** 1 to 500. @default 50 */
  readonly limit?: number
}

export async function getPayment(sql: Database, id: string): Promise<Payment | undefined> {
  const [row] = await sql<PaymentRow[]>`select * from payments where id = ${id}::text`
  return row && toPayment(row)
}

export async function listPayments(sql: Database, filter: ListFilter): Promise<Payment[]> {
  const { status, idempotencyKey, needsReview, minAmount, maxAmount, after, limit = 50 } = filter
  const { createdAfter, createdBefore } = filter
  const rows = await sql<PaymentRow[]>`
    select * from payments
     where true
       ${status === undefined ? sql`` : statusIs(sql, status)}
       ${idempotencyKey === undefined ? sql`` : sql`and idempotency_key = ${idempotencyKey}::text`}
       ${needsReview === undefined ? sql`` : needsReview ? sql`and needs_review` : sql`and not needs_review`}
       ${minAmount === undefined ? sql`` : sql`and amount >= ${minAmount}::bigint`}
       ${maxAmount === undefined ? sql`` : sql`and amount <= ${maxAmount}::bigint`}
       ${createdAfter === undefined ? sql`` : createdSince(sql, createdAfter)}
       ${createdBefore === undefined ? sql`` : createdUntil(sql, createdBefore)}
       ${after === undefined ? sql`` : sql`and id < ${after}::text`}
     order by id desc
     limit ${Math.max(1, Math.min(500, limit))}::int`
  return rows.map(toPayment)
}

/**
 * The id is made by a program's clock shortly before the database stores the row by its own. The row's time decides;
 * the id, which the primary key orders, only bounds what is read, and so widely that the two clocks may differ.
 */
const CLOCK_MARGIN_MS = 300_000

function createdSince(sql: Database, moment: Date): postgres.PendingQuery<postgres.Row[]> {
  const least = firstPaymentIdOf(new Date(moment.getTime() - CLOCK_MARGIN_MS))
  return sql`and created_at >= ${moment}::timestamptz and id >= ${least}::text`
}

function createdUntil(sql: Database, moment: Date): postgres.PendingQuery<postgres.Row[]> {
  const bound = firstPaymentIdOf(new Date(moment.getTime() + CLOCK_MARGIN_MS))
  return sql`and created_at < ${moment}::timestamptz and id < ${bound}::text`
}

/** Written out, so that the planner sees which partial index serves it. */
function statusIs(sql: Database, status: PaymentStatus): postgres.PendingQuery<postgres.Row[]> {
  switch (status) {
    case 'PENDING':
      return sql`and status = 'PENDING'`
    case 'QUEUED':
      return sql`and status = 'QUEUED'`
    case 'PROCESSING':
      return sql`and status = 'PROCESSING'`
    case 'SUCCESS':
      return sql`and status = 'SUCCESS'`
    case 'FAILED':
      return sql`and status = 'FAILED'`
  }
}

export async function listEvents(sql: Database, paymentId: string): Promise<PaymentEvent[]> {
  const rows = await sql<EventRow[]>`
    select * from payment_events where payment_id = ${paymentId}::text order by seq`
  return rows.map(toEvent)
}

export async function listAttempts(sql: Database, paymentId: string): Promise<PaymentAttempt[]> {
  const rows = await sql<AttemptRow[]>`
    select * from payment_attempts where payment_id = ${paymentId}::text order by attempt_no`
  return rows.map(toAttempt)
}

/** How many payments are in each status, and how many wait for an operator. */
export interface PaymentCounts {
  readonly byStatus: Readonly<Record<PaymentStatus, number>>
  readonly needsReview: number
  /** PROCESSING with an unknown outcome. */
  readonly unknown: number
  /** Age of the oldest payment that is not final and not parked, in milliseconds; 0 when there is none. */
  readonly oldestUnfinishedMs: number
}

/** Reads the whole table: for people and reports, not for a scrape every second. */
export async function countPayments(sql: Database): Promise<PaymentCounts> {
  const rows = await sql<
    { status: PaymentStatus; total: number; review: number; unknown: number; oldest_ms: number }[]
  >`
    select status, count(*) as total,
           count(*) filter (where needs_review) as review,
           count(*) filter (where unknown_since is not null and not needs_review) as unknown,
           coalesce(extract(epoch from clock_timestamp() - min(created_at)
             filter (where status not in ('SUCCESS', 'FAILED') and not needs_review)) * 1000, 0)::float8 as oldest_ms
      from payments group by status`
  const byStatus: Record<PaymentStatus, number> = {
    PENDING: 0,
    QUEUED: 0,
    PROCESSING: 0,
    SUCCESS: 0,
    FAILED: 0,
  }
  let [needsReview, unknown, oldestUnfinishedMs] = [0, 0, 0]
  for (const row of rows) {
    byStatus[row.status] = row.total
    needsReview += row.review
    unknown += row.unknown
    oldestUnfinishedMs = Math.max(oldestUnfinishedMs, row.oldest_ms)
  }
  return { byStatus, needsReview, unknown, oldestUnfinishedMs }
}
