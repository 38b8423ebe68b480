-- Refunds never exceed what was captured, and the sums of a payment are those of its refunds.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A constraint and triggers keep the sums under the lock of the payment. Here they are added up again. A refund
--          of a contradicting charge, and one that failed after its success, count for nothing.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

with refund as (
  select parent_id, coalesce(sum(amount) filter (where status <> 'FAILED'), 0) as reserved,
         coalesce(sum(amount) filter (where status = 'SUCCESS'), 0) as refunded
    from payments m
   where parent_id > :'after' and (:'until' = '' or parent_id <= :'until') and movement_kind(id) = 'refund' and charge_ref is null
     and not exists (
       select from reconciliation_breaks b
        where b.payment_id = m.parent_id and b.kind = 'refund_failed' and b.gateway = m.gateway and b.reference = m.gateway_ref)
   group by parent_id
)
select p.id as subject, 'its refunds exceed what was captured' as detail
  from payments p
  join refund r on r.parent_id = p.id
 where r.reserved > case when p.status = 'SUCCESS' then coalesce(p.amount_captured, p.amount) else 0 end
 union all
select p.id, 'the sums that it keeps are not those of its refunds'
  from payments p
  left join refund r on r.parent_id = p.id
 where p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and (coalesce(p.refunds_reserved, 0), coalesce(p.amount_refunded, 0)) <> (coalesce(r.reserved, 0), coalesce(r.refunded, 0))
 union all
select m.id, 'a movement of no payment, or in another currency'
  from payments m
  left join payments p on p.id = m.parent_id and p.parent_id is null
 where m.parent_id is not null and m.id > :'after' and (:'until' = '' or m.id <= :'until')
   and p.currency is distinct from m.currency;
