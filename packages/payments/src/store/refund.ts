import type { Database, Queryable } from './database.ts'
import { evidenceText } from '../domain/evidence.ts'
import { lockPayment } from './review.ts'

/** A charge that an operator gave back at the gateway. */
export interface Refund {
  /** The gateway's id of the charge, as its contradiction names it. */
  readonly gatewayRef: string
  /** The gateway's id of the refund: the evidence that the money went back. */
  readonly refundRef: string
  readonly operator: string
  /** Where the evidence is; kept for ever. */
  readonly note: string
}

/**
 * `failed`: the contradiction is closed, and the parked payment FAILED with it. `closed`: the contradiction is closed, the
 * payment stays as it is. `refused`: there is no such open contradiction, somebody works on the payment, or a reference is missing.
 */
export type RefundEffect = 'failed' | 'closed' | 'refused'

/**
 * T11 for a charge that went back. A payment that is over keeps its status; a parked one FAILED, unless another charge of
 * it is open or its open attempt may still turn out to be charged: look that one up first, then decide.
 */
export async function recordRefund(sql: Database, id: string, refund: Refund): Promise<RefundEffect> {
  const given = { ...refund, refundRef: evidenceText(refund.refundRef), note: evidenceText(refund.note) }
  if (given.refundRef === '' || given.note === '' || given.gatewayRef === '') return 'refused'
  return sql.begin(async (transaction) => {
    await lockPayment(transaction, id)
    return (await findRecorded(transaction, id, given)) ?? writeRefund(transaction, id, given)
  })
}

/** What became of the payment when this very refund was recorded before, so that it may be repeated after a lost answer. */
async function findRecorded(sql: Queryable, id: string, refund: Refund): Promise<RefundEffect | undefined> {
  const [row] = await sql<{ is_failed: boolean }[]>`
    select p.status = 'FAILED' and p.failure_code = 'refunded' as is_failed
      from reconciliation_breaks b join payments p on p.id = b.payment_id
     where b.payment_id = ${id}::text and b.reference = ${refund.gatewayRef}::text and b.refund_ref = ${refund.refundRef}::text`
  if (row === undefined) return undefined
  return row.is_failed ? 'failed' : 'closed'
}

async function writeRefund(sql: Queryable, id: string, refund: Refund): Promise<RefundEffect> {
  const { gatewayRef, refundRef, note } = refund
  const actor = `operator:${evidenceText(refund.operator)}`
  const [row] = await sql<{ closed: number; moved: number }[]>`
    with target as (
      select id, status, attempt_open, looked_up_fence is not distinct from fence as is_looked_up from payments
       where id = ${id}::text
         and (status = 'FAILED'
              -- What a payment succeeded with is its own charge, no contradiction.
              or status = 'SUCCESS' and gateway_ref is distinct from ${gatewayRef}::text
              or status = 'PROCESSING' and needs_review and (lease_until is null or lease_until < clock_timestamp()))
         for update
    ), closed as (
      update reconciliation_breaks b
         set resolved_at = clock_timestamp(), resolution = ${note}::text, refund_ref = ${refundRef}::text,
             resolved_by = ${actor}::text
        from target
       where b.payment_id = target.id and b.reference = ${gatewayRef}::text and b.resolved_at is null
   returning b.kind
    ), moved as (
      update payments p
         set status        = 'FAILED',
             fence         = p.fence + 1,
             needs_review  = false,
             resolves      = 0,
             attempt_open  = false,
             unknown_since = null,
             next_run_at   = clock_timestamp(),
             gateway_ref   = null,
             failure_code  = 'refunded',
             failure_kind  = 'operator',
             event_seq     = p.event_seq + 1,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id and target.status = 'PROCESSING'
         and exists (select from closed)
         -- A late charge is of an attempt before, and says nothing about the open one.
         and (not target.attempt_open or target.is_looked_up or not exists (select from closed where kind = 'late_charge'))
         and not exists (
           select from reconciliation_breaks other
            where other.payment_id = p.id and other.resolved_at is null and other.reference <> ${gatewayRef}::text)
   returning p.id, p.attempt_no, p.event_seq
    ), attempt as (
      update payment_attempts a
         set outcome = 'DECLINED', decided_at = clock_timestamp()
        from moved
       where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and a.outcome is null
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.failed', 'PROCESSING', 'FAILED', ${actor}::text,
             jsonb_build_object('note', ${note}::text, 'gateway_ref', ${gatewayRef}::text, 'refund_ref', ${refundRef}::text)
        from moved
    )
    select (select count(*) from closed) as closed, (select count(*) from moved) as moved`
  if (row === undefined || row.closed === 0) return 'refused'
  return row.moved === 0 ? 'closed' : 'failed'
}
