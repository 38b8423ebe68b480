-- An authorization is captured once or voided once, never both, and its payment ends with it.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      The capture or void and the end of its payment are one statement. What a gateway reports after that end is on
--          record as a contradiction.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Refund what was captured after a void.
\set after ''
\set until ''

with movement as (
  select id, parent_id, movement_kind(id) as kind, status, amount
    from payments
   where parent_id > :'after' and (:'until' = '' or parent_id <= :'until') and movement_kind(id) in ('capture', 'void')
     and status <> 'FAILED'
)
select parent_id as subject, 'more than one capture or void' as detail
  from movement
 group by parent_id
having count(*) > 1
 union all
select p.id, 'a capture succeeded, and the payment is not in SUCCESS with its amount'
  from movement m
  join payments p on p.id = m.parent_id
 where m.kind = 'capture' and m.status = 'SUCCESS' and (p.status, p.amount_captured) is distinct from ('SUCCESS', m.amount)
   and not exists (select from reconciliation_breaks b where b.payment_id = p.id and b.detail ->> 'movement_id' = m.id)
 union all
select p.id, 'a void succeeded, and the payment is neither FAILED nor in review'
  from movement m
  join payments p on p.id = m.parent_id
 where m.kind = 'void' and m.status = 'SUCCESS' and p.status <> 'FAILED' and not p.needs_review
   and not exists (select from reconciliation_breaks b where b.payment_id = p.id and b.detail ->> 'movement_id' = m.id)
 union all
select p.id, 'its captured amount is out of range, or of no successful capture'
  from payments p
 where p.amount_captured is not null and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and (p.amount_captured not between 0 and p.amount
        or not exists (select from movement m
                        where m.parent_id = p.id and m.kind = 'capture' and m.status = 'SUCCESS' and m.amount = p.amount_captured));
