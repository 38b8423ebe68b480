-- FAILED has no captured charge.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A charge that comes to light after FAILED is an open contradiction and no breach. A charge that was on
--          record before is a wrong decision. The order is that of the events; a time is believed only when it is a
--          minute off, because a contradiction and a decision may wait for each other. One statement, or a trigger,
--          keeps a late charge and its contradiction in step: without the contradiction no operator refunds the charge.
-- ADVICE   Refund the charge at the gateway, and record it with `titan payments refund`.
-- NEEDS    ledger
\set after ''
\set until ''

with payment as (
  select id, event_seq, late_charge_ref
    from payments
   where status = 'FAILED' and id > :'after' and (:'until' = '' or id <= :'until')
), failure as (
  select e.payment_id, e.seq, e.at
    from payment p
    join payment_history e on e.payment_id = p.id and e.seq = p.event_seq
), known as (
  select f.payment_id, e.evidence ->> 'gateway_ref' as reference
    from failure f
    join payment_history e on e.payment_id = f.payment_id and e.seq < f.seq
   where e.type like '%.needs_review' and e.evidence ? 'gateway_ref'
   union
  select f.payment_id, b.reference
    from failure f
    join reconciliation_breaks b on b.payment_id = f.payment_id
   where b.detected_at < f.at - interval '1 minute'
   union
  select id, late_charge_ref from payment where late_charge_ref is not null
)
select distinct k.payment_id as subject, 'FAILED although a charge was on record that was not refunded' as detail
  from known k
 where k.reference is not null
   and not exists (
     select from reconciliation_breaks b
      where b.payment_id = k.payment_id and b.reference = k.reference and b.refund_ref is not null)
 union all
select p.id, 'FAILED with a successful attempt'
  from payment p
  join attempt_history a on a.payment_id = p.id
 where a.outcome = 'SUCCEEDED'
 union all
select p.id, 'its late charge has no contradiction on record'
  from payments p
 where p.late_charge_ref is not null and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and not exists (select from reconciliation_breaks b where b.reference = p.late_charge_ref)
 union all
select p.id, 'a late charge is open, and the payment is not held for it'
  from reconciliation_breaks b
  join payments p on p.id = b.payment_id
 where b.kind = 'late_charge' and b.resolved_at is null and b.payment_id > :'after' and (:'until' = '' or b.payment_id <= :'until')
   and p.status not in ('SUCCESS', 'FAILED') and p.late_charge_ref is null
 union all
select p.id, 'its number of open charges is not that of its contradictions'
  from payments p
  left join (select payment_id, count(*) as count
               from reconciliation_breaks
              where resolved_at is null and stands_for_charge(kind) and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
              group by payment_id) open on open.payment_id = p.id
 where p.open_charges <> coalesce(open.count, 0) and p.id > :'after' and (:'until' = '' or p.id <= :'until');
