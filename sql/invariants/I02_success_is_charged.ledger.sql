-- Payments whose status contradicts their charge in the gateway’s ledger. Movements are compared in I37 and I38.
-- PARAMS   gateway: name of the gateway whose ledger it is; every payment by default
-- RETURNS  subject, detail
-- WHY      A charge under a declined attempt is excused only by a contradiction that names that very charge.
\set gateway ''

select p.id as subject, 'SUCCESS without an equal charge in the ledger' as detail
  from payments p
 where p.status = 'SUCCESS' and p.parent_id is null and (:'gateway' = '' or p.gateway = :'gateway')
   and not exists (
     select from charge c
      where c.payment_id = p.id and p.gateway_ref in (c.id, c.intent_id) and c.amount = coalesce(p.amount_captured, p.amount)
       and c.currency = p.currency)
 union
select p.id, 'a closed attempt was charged, and no contradiction says so'
  from charge c
  join attempt_history a on a.gateway_key = c.key and a.outcome in ('DECLINED', 'NOT_SENT')
  join payments p on p.id = a.payment_id
 where p.status not in ('SUCCESS', 'FAILED')
   and not exists (
     select from reconciliation_breaks b where b.payment_id = p.id and b.reference in (c.id, c.intent_id));
