import type postgres from 'postgres'
import type { Database } from '../database.ts'
import { firstPaymentIdOf } from '../identifiers.ts'
import type { Payment, PaymentAttempt, PaymentEvent, PaymentStatus } from '../payment.ts'
import type { RecordedBreak } from '../settlement.ts'
import { toAttempt, toBreak, toEvent, toPayment } from './rows.ts'
import type { AttemptRow, BreakRow, EventRow, PaymentRow } from './rows.ts'

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

/** The longest history that is read at once. */
const MAX_EVENTS = 1_000

/** Reads the latest events of a payment, in their order. */
export async function listEvents(sql: Database, paymentId: string): Promise<PaymentEvent[]> {
  const rows = await sql<EventRow[]>`
    select * from (select * from payment_events where payment_id = ${paymentId}::text
                    order by seq desc limit ${MAX_EVENTS}::int) latest
     order by seq`
  return rows.map(toEvent)
}

export async function listAttempts(sql: Database, paymentId: string): Promise<PaymentAttempt[]> {
  const rows = await sql<AttemptRow[]>`
    select * from payment_attempts where payment_id = ${paymentId}::text order by attempt_no`
  return rows.map(toAttempt)
}

export async function listBreaks(sql: Database, paymentId: string): Promise<RecordedBreak[]> {
  const rows = await sql<BreakRow[]>`
    select * from reconciliation_breaks where payment_id = ${paymentId}::text order by id`
  return rows.map(toBreak)
}
