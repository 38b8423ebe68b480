import type { Database } from '../database.ts'
import { evidenceText } from '../evidence.ts'
import type { BreakKind } from '../settlement.ts'

/** T10. `changed` is false when the payment is unknown, final, or has an attempt already. */
export async function cancelPayment(
  sql: Database,
  id: string,
  actor: string,
  reason: string,
): Promise<boolean> {
  const rows = await sql`
    with target as (
      select id, status from payments
       where id = ${id}::text and status in ('PENDING', 'QUEUED') and attempt_no = 0
         for update
    ), moved as (
      update payments p
         set status       = 'FAILED',
             failure_code = 'canceled',
             failure_kind = 'canceled',
             event_seq    = p.event_seq + 1,
             updated_at   = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.event_seq, target.status as from_status
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.failed', from_status, 'FAILED', ${actor}::text,
             jsonb_build_object('code', 'canceled', 'reason', ${evidenceText(reason)}::text)
        from moved
    )
    select id from moved`
  return rows.length === 1
}

/** What an operator found out about a parked payment, and where. */
export interface OperatorDecision {
  /** `SUCCESS` needs the gateway's id of the charge. `FAILED` says that no money moved. `RETRY` asks the gateway again. */
  readonly to: 'SUCCESS' | 'FAILED' | 'RETRY'
  readonly operator: string
  /** Where the evidence is; kept for ever. */
  readonly note: string
  readonly gatewayRef?: string
}

/** T11, with a fence of its own. Answers whether the payment was parked and is decided now. */
export async function decideReview(sql: Database, id: string, decision: OperatorDecision): Promise<boolean> {
  const { to, gatewayRef = null } = decision
  if (to === 'SUCCESS' && gatewayRef === null) return false
  const rows = await sql`
    with target as (
      select id, attempt_open, late_charge_ref from payments
       where id = ${id}::text and status = 'PROCESSING' and needs_review
         and (lease_until is null or lease_until < clock_timestamp())
         -- Money moved already, or there is nothing to ask about: asking again could charge.
         and (${to}::text <> 'RETRY' or attempt_open and late_charge_ref is null)
         -- "No money moved" is not true while a charge of it is on record that nobody gave back: that takes a refund.
         and (${to}::text <> 'FAILED' or not exists (
               select from reconciliation_breaks b
                where b.payment_id = payments.id and b.kind = 'late_charge' and b.resolved_at is null))
         for update
    ), moved as (
      update payments p
         set status        = case when ${to}::text = 'RETRY' then 'PROCESSING' else ${to}::text end,
             fence         = p.fence + 1,
             needs_review  = false,
             resolves      = 0,
             -- Otherwise an attempt that workers died on would be parked again unasked. That they may have sent is still told by sends.
             takeovers     = case when ${to}::text = 'RETRY' then 0 else p.takeovers end,
             attempt_open  = ${to}::text = 'RETRY',
             unknown_since = case when ${to}::text = 'RETRY' then p.unknown_since end,
             next_run_at   = clock_timestamp(),
             gateway_ref   = case ${to}::text when 'SUCCESS' then ${gatewayRef}::text when 'RETRY' then p.gateway_ref end,
             failure_code  = case when ${to}::text = 'FAILED' then 'operator' end,
             failure_kind  = case when ${to}::text = 'FAILED' then 'operator' end,
             event_seq     = p.event_seq + 1,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.attempt_no, p.event_seq, p.status, target.attempt_open as was_open,
             ${to}::text = 'SUCCESS' and target.late_charge_ref is not distinct from ${gatewayRef}::text as is_late
    ), attempt as (
      update payment_attempts a
         -- A late charge belongs to an attempt before, so the open one moved nothing.
         set outcome     = case when ${to}::text = 'SUCCESS' and not moved.is_late then 'SUCCEEDED'
                                when ${to}::text <> 'RETRY' then 'DECLINED' end,
             decided_at  = case when ${to}::text <> 'RETRY' then clock_timestamp() end,
             gateway_ref = case when moved.is_late then a.gateway_ref else coalesce(${gatewayRef}::text, a.gateway_ref) end
        from moved
       where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and moved.was_open
    ), accepted as (
      update reconciliation_breaks b
         set resolved_at = clock_timestamp(), resolution = ${evidenceText(decision.note)}::text,
             resolved_by = ${`operator:${evidenceText(decision.operator)}`}::text
        from moved
       where moved.is_late and b.payment_id = moved.id and b.kind = 'late_charge'
         and b.reference = ${gatewayRef}::text and b.resolved_at is null
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq,
             case ${to}::text when 'SUCCESS' then 'payment.succeeded' when 'FAILED' then 'payment.failed' else 'payment.unknown' end,
             'PROCESSING', status, ${`operator:${evidenceText(decision.operator)}`}::text,
             jsonb_build_object('note', ${evidenceText(decision.note)}::text, 'gateway_ref', ${gatewayRef}::text)
        from moved
    )
    select id from moved`
  return rows.length === 1
}

/** A fact at a gateway that contradicts the payments table. */
export interface Break {
  readonly kind: BreakKind
  readonly paymentId: string
  readonly gateway: string
  /** The gateway's id of the charge, or our key where it gave none. */
  readonly reference: string
  readonly detail: Readonly<Record<string, string | number | null>>
}

/**
 * Records a contradiction once; a final status is never changed for it. A late charge also parks a payment that goes on,
 * in the same statement: no attempt begins after it, and whoever holds the payment can only end it as charged
 * or leave it parked.
 */
export async function recordBreak(
  sql: Database,
  { kind, paymentId, gateway, reference, detail }: Break,
): Promise<void> {
  await sql`
    with contradiction as (
      insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
      values (${kind}::text, ${paymentId}::text, ${gateway}::text, ${reference}::text, ${JSON.stringify(detail)}::text::jsonb)
          on conflict (kind, gateway, reference) do nothing
    ), target as (
      select id, status from payments
       where id = ${paymentId}::text and ${kind}::text = 'late_charge'
         and status in ('PENDING', 'QUEUED', 'PROCESSING') and late_charge_ref is null
         for update
    ), parked as (
      update payments p
         set status          = 'PROCESSING',
             -- Who holds it keeps its fence: its request may be under way, and its answer is evidence.
             fence           = p.fence + (target.status <> 'PROCESSING')::int,
             late_charge_ref = ${reference}::text,
             needs_review    = true,
             unknown_since   = coalesce(p.unknown_since, clock_timestamp()),
             event_seq       = p.event_seq + 1,
             updated_at      = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.event_seq, target.status as from_status
    )
    insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
    select id, event_seq, 'payment.needs_review', from_status, 'PROCESSING', ${`gateway:${gateway}`}::text,
           jsonb_build_object('reason', 'a charge of a closed attempt came to light', 'gateway_ref', ${reference}::text)
      from parked`
}
