-- Finds payments in FAILED although our own books have a charge of them on record that was not refunded.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A charge that comes to light after FAILED is an open contradiction and no breach. One that was on record
--          before is a wrong decision. The order is that of the events; a time is believed only when it is a minute off,
--          because a contradiction and a decision may wait for each other.
with payment as (
  select id, event_seq, late_charge_ref
    from payments
   where status = 'FAILED' and id > $1 and ($2::text is null or id <= $2)
), failure as (
  select e.payment_id, e.seq, e.at
    from payment p
    join payment_events e on e.payment_id = p.id and e.seq = p.event_seq
), known as (
  select f.payment_id, e.evidence ->> 'gateway_ref' as reference
    from failure f
    join payment_events e on e.payment_id = f.payment_id and e.seq < f.seq
   where e.type = 'payment.needs_review' and e.evidence ? 'gateway_ref'
   union
  select f.payment_id, b.reference
    from failure f
    join reconciliation_breaks b on b.payment_id = f.payment_id
   where b.detected_at < f.at - interval '1 minute'
   union
  select id, late_charge_ref from payment where late_charge_ref is not null
)
select distinct k.payment_id as id, 'FAILED although a charge was on record that was not refunded' as what
  from known k
 where k.reference is not null
   and not exists (
     select from reconciliation_breaks b
      where b.payment_id = k.payment_id and b.reference = k.reference and b.refund_ref is not null)
 union all
select p.id, 'FAILED with a successful attempt'
  from payment p
  join payment_attempts a on a.payment_id = p.id
 where a.outcome = 'SUCCEEDED'
