-- SUCCESS has exactly one captured charge of equal amount and currency, whose id is stored.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      An operator may accept a late charge: then the contradiction names it, and its attempt stays declined. An
--          open contradiction excuses no other breach.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Refund a charge of another payment or of
--          another amount, and record it.
-- NEEDS    ledger
\set after ''
\set until ''

with payment as (
  select id, parent_id, status, amount, currency, gateway, gateway_ref, attempt_no
    from payments
   where status = 'SUCCESS' and id > :'after' and (:'until' = '' or id <= :'until')
), attempt as (
  select payment_id, attempt_no, gateway_ref
    from attempt_history
   where outcome = 'SUCCEEDED' and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
), contradiction as (
  select payment_id, kind, reference, refund_ref,
         coalesce(detail ->> 'charged_amount', detail ->> 'amount') as charged_amount,
         coalesce(detail ->> 'charged_currency', detail ->> 'currency') as charged_currency
    from reconciliation_breaks
   where payment_id > :'after' and (:'until' = '' or payment_id <= :'until') and resolved_by is distinct from 'reconciliation'
)
select p.id as subject, 'SUCCESS without a successful attempt for its charge' as detail
  from payment p
  left join attempt a on a.payment_id = p.id and a.attempt_no = p.attempt_no and a.gateway_ref = p.gateway_ref
 where a.payment_id is null
   and not exists (
     select from contradiction c
      where c.payment_id = p.id and c.kind = 'late_charge' and c.reference = p.gateway_ref and c.refund_ref is null)
 union all
select p.id, 'SUCCESS with a charge that is on record as refunded'
  from payment p
  join contradiction c on c.payment_id = p.id and c.reference = p.gateway_ref
 where c.refund_ref is not null
 union all
select p.id, 'SUCCESS with a charge that is on record with another amount or currency'
  from payment p
  join contradiction c on c.payment_id = p.id and c.reference = p.gateway_ref
 where c.charged_amount <> p.amount::text or c.charged_currency <> p.currency
 union all
select p.id, 'SUCCESS with another charge than the one on record for its attempt, which was not refunded'
  from payment p
  join contradiction c on c.payment_id = p.id and c.reference <> p.gateway_ref
 where c.kind in ('amount_mismatch', 'currency_mismatch') and c.refund_ref is null
 union all
select p.id, 'SUCCESS with a charge that is on record for another payment'
  from payment p
  join reconciliation_breaks b on b.gateway = p.gateway and b.reference = p.gateway_ref
 where b.payment_id not in (p.id, coalesce(p.parent_id, p.id))
 union all
select a.payment_id, 'an attempt succeeded, and the payment is not in SUCCESS'
  from attempt a
  join payments p on p.id = a.payment_id
 where p.status <> 'SUCCESS' and p.id > :'after' and (:'until' = '' or p.id <= :'until');
