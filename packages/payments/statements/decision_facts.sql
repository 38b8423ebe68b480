-- Reads the facts that a decision on a parked payment must not contradict.
-- PARAMS   $1 id           text  payment
--          $2 gateway_ref  text  the charge that the decision names, or nothing
-- RETURNS  the facts; nothing when the payment is not parked or a worker holds it
with own as (
  select kind, reference, resolved_at, refund_ref,
         coalesce(detail ->> 'charged_amount', detail ->> 'amount') as amount,
         coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
    from reconciliation_breaks where payment_id = $1::text and stands_for_charge(kind)
), known as (
  select reference from own where refund_ref is null
   union
  select unnest(array[gateway_ref, late_charge_ref]) from payments where id = $1::text
)
select p.open_charges,
       p.attempt_open and p.late_charge_ref is null as may_ask,
       -- The open attempt has an answer yet to come, which a charge of another attempt does not give.
       p.attempt_open and p.looked_up_fence is distinct from p.fence
         and (p.late_charge_ref is not distinct from $2::text
              or exists (select from own where kind = 'late_charge' and reference = $2::text)) as must_look_up,
       exists (select from known where reference = $2::text) as is_known,
       exists (select from known where reference is not null) as knows_any,
       exists (select from own where reference = $2::text and refund_ref is not null)
         -- One that is under way may succeed yet.
         or exists (select from payments m
                     where m.parent_id = p.id and m.charge_ref = $2::text and m.status <> 'FAILED') as is_refunded,
       exists (select from own where reference = $2::text
                  and (amount <> p.amount::text or currency <> p.currency)) as is_mismatch,
       exists (select from payments other
                where other.gateway = at.gateway and other.gateway_ref = $2::text and other.status = 'SUCCESS'
                  -- A capture has the charge of its payment.
                  and other.parent_id is null and other.id <> all(array[p.id, coalesce(p.parent_id, '')]))
         or exists (select from reconciliation_breaks b
                     where b.kind = any(array['late_charge', 'duplicate_charge', 'amount_mismatch', 'currency_mismatch',
                                              'status_mismatch', 'missing_here'])
                       and b.gateway = at.gateway and b.reference = $2::text and b.payment_id <> p.id) as is_taken
  from payments p
 cross join lateral (
   select coalesce((select b.gateway from reconciliation_breaks b
                     where b.payment_id = p.id and b.kind = 'late_charge' and b.reference = $2::text
                     order by b.gateway <> p.gateway
                     limit 1), p.gateway) as gateway
 ) at
 where p.id = $1::text and p.status = 'PROCESSING' and p.needs_review
   and (p.lease_until is null or p.lease_until < clock_timestamp())
