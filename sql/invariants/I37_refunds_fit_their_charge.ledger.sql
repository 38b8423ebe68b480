-- Refunds whose status contradicts the gateway’s ledger, refunds that the gateway made twice, and those that we do not have.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
-- RETURNS  subject, detail
-- WHY      The ledger is the only witness of a refund whose response was lost. A refund that failed after its success stays
--          SUCCESS; a contradiction names it.
-- UNLISTED by our own records: titan reconcile compares refunds
\set settled 'false'
\set fresh_ms '5000'

with given_back as (
  select a.payment_id as refund_id, m.id, m.status
    from movement m
    join attempt_history a on a.gateway_key = m.key
   where m.kind = 'refund'
)
select refund_id as subject, 'the gateway gave the money back more than once' as detail
  from given_back
 where status in ('pending', 'succeeded')
 group by refund_id
having count(*) > 1
 union all
select r.id, 'FAILED, and the gateway gave the money back'
  from given_back g
  join payments r on r.id = g.refund_id
 where g.status = 'succeeded' and r.status = 'FAILED'
   and not exists (select from reconciliation_breaks b where b.reference = g.id and b.resolved_at is null)
 union all
select r.id, 'SUCCESS without an equal refund in the ledger'
  from payments r
 where r.parent_id is not null and movement_kind(r.id) = 'refund' and r.status = 'SUCCESS'
   and not exists (
     select from movement m
      where m.kind = 'refund' and m.id = r.gateway_ref and m.amount = r.amount and m.currency = r.currency
        and (m.status = 'succeeded'
             or (:'settled' <> 'true' and m.at >= now() - :'fresh_ms'::float8 * interval '1 millisecond')
             or exists (select from reconciliation_breaks b where b.reference = m.id)))
 union all
select m.payment_id, 'the gateway gave back more than it captured'
  from movement m
 where m.kind = 'refund' and m.status in ('pending', 'succeeded')
 group by m.payment_id, m.intent_id
having sum(m.amount) > (select coalesce(sum(c.amount), 0) from charge c where c.intent_id = m.intent_id)
   and not exists (select from reconciliation_breaks b where b.payment_id = m.payment_id and b.refund_ref is not null)
 union all
select m.payment_id, 'the gateway gave money back, and no refund or contradiction says so'
  from movement m
  join payments p on p.id = m.payment_id
 where m.kind = 'refund' and m.status = 'succeeded'
   and (:'settled' = 'true' or m.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and not exists (
     select from payments r
      where r.parent_id = p.id and movement_kind(r.id) = 'refund'
        and (r.gateway_ref = m.id or exists (select from attempt_history a where a.payment_id = r.id and a.gateway_key = m.key)))
   and not exists (
     select from reconciliation_breaks b where b.payment_id = p.id and m.id in (b.reference, b.refund_ref));
