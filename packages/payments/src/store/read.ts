import type { Database } from './database.ts'
import type { Payment, PaymentAttempt, PaymentEvent } from '../domain/payment.ts'
import type { RecordedBreak } from '../domain/settlement.ts'
import { toAttempt, toBreak, toEvent, toPayment } from './rows.ts'
import type { AttemptRow, BreakRow, EventRow, PaymentRow } from './rows.ts'

export async function getPayment(sql: Database, id: string): Promise<Payment | undefined> {
  const [row] = await sql<PaymentRow[]>`select * from payments where id = ${id}::text`
  return row && toPayment(row)
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
    select *, coalesce(detail ->> 'charged_amount', detail ->> 'amount') as amount,
           coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
      from reconciliation_breaks where payment_id = ${paymentId}::text order by id`
  return rows.map(toBreak)
}
