import type { Database } from '../database.ts'
import type { Settlement } from '../settlement.ts'

/**
 * T4 to T8 for many payments, in one statement: the compare-and-set on (id, PROCESSING, fence), the attempt, the
 * event and a break where there is one. The answer says for each whether it was written; `false` means that
 * the claim is no longer the payment's, and nothing was changed.
 */
export async function settleMany(sql: Database, settlements: readonly Settlement[]): Promise<boolean[]> {
  const rows = await sql<{ id: string; fence: number }[]>`
    with settlement as (
      select * from json_to_recordset(${JSON.stringify(settlements.map(toRecord))}::text::json) as (
        id text, fence bigint, status text, outcome text, unsent boolean, counts_retry boolean, unknown boolean,
        counts_resolve boolean, review boolean, delay_ms float8, failure_code text, failure_kind text, gateway_ref text,
        charged_amount bigint, charged_currency text, break_kind text, event text, actor text, evidence jsonb)
       order by id
    ), target as (
      select settlement.*, p.attempt_no
        from settlement
       cross join lateral (
         select attempt_no from payments
          where id = settlement.id and fence = settlement.fence and status = 'PROCESSING'
            -- A settled claim has no lease, so the same settlement is never written twice.
            and lease_until is not null
            -- A success is for exactly what the client asked.
            and (settlement.status <> 'SUCCESS'
                 or amount = settlement.charged_amount and currency = settlement.charged_currency)
            for update
       ) p
       -- "Never sent" ends a payment only when nobody else can still send under this key.
       where settlement.outcome is distinct from 'NOT_SENT'
          or not exists (select from payment_attempts a
                          where a.payment_id = settlement.id and a.attempt_no = p.attempt_no
                            and (a.takeovers > 0 or a.sends > 1))
    ), moved as (
      update payments p
         set status        = target.status,
             lease_owner   = null,
             lease_until   = null,
             attempt_open  = target.outcome is null,
             retries       = p.retries + target.counts_retry::int,
             resolves      = case when target.unknown then p.resolves + target.counts_resolve::int else 0 end,
             unknown_since = case when target.unknown then coalesce(p.unknown_since, clock_timestamp()) end,
             needs_review  = target.review,
             next_run_at   = clock_timestamp() + target.delay_ms * interval '1 millisecond',
             failure_code  = target.failure_code,
             failure_kind  = target.failure_kind,
             gateway_ref   = case when target.status = 'SUCCESS' then target.gateway_ref end,
             event_seq     = p.event_seq + 1,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.fence, p.attempt_no, p.event_seq, p.status as to_status, target.outcome, target.unsent, target.gateway_ref,
             target.break_kind, target.event, target.actor, target.evidence, p.gateway
    ), attempt as (
      update payment_attempts a
         set outcome       = moved.outcome,
             decided_at    = case when moved.outcome is not null then clock_timestamp() end,
             gateway_ref   = coalesce(moved.gateway_ref, a.gateway_ref),
             last_error    = coalesce(moved.evidence ->> 'reason', moved.evidence ->> 'code'),
             sends         = a.sends - moved.unsent::int,
             first_sent_at = case when a.sends > moved.unsent::int then a.first_sent_at end
        from moved
       where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and a.outcome is null
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, event, 'PROCESSING', to_status, actor, evidence from moved
    ), contradiction as (
      insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
      select break_kind, id, gateway, coalesce(gateway_ref, 'titan_' || id || '_' || attempt_no), evidence
        from moved where break_kind is not null
          on conflict (kind, gateway, reference) do nothing
    )
    select id, fence from moved`
  const written = new Set(rows.map(({ id, fence }) => `${id} ${fence}`))
  return settlements.map(({ paymentId, fence }) => written.has(`${paymentId} ${fence}`))
}

function toRecord(settlement: Settlement): Record<string, unknown> {
  return {
    id: settlement.paymentId,
    fence: settlement.fence,
    status: settlement.status,
    outcome: settlement.attemptOutcome,
    unsent: settlement.unsent,
    counts_retry: settlement.countsRetry,
    unknown: settlement.unknown,
    counts_resolve: settlement.countsResolve,
    review: settlement.review,
    delay_ms: settlement.delayMs,
    failure_code: settlement.failureCode,
    failure_kind: settlement.failureKind,
    gateway_ref: settlement.gatewayRef,
    charged_amount: settlement.charged?.amount ?? null,
    charged_currency: settlement.charged?.currency ?? null,
    break_kind: settlement.breakKind,
    event: settlement.event,
    actor: settlement.actor,
    evidence: settlement.evidence,
  }
}
