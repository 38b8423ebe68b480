-- Payments whose status contradicts their charge in the gateway’s ledger. Movements are compared in I37 and I38.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      A charge under a declined attempt is excused only by a contradiction that names that very charge.

select e.id as subject, 'SUCCESS without an equal charge in the ledger' as detail
  from expected e
 where not exists (
     select from charge c
      where c.payment_id = e.id and e.gateway_ref in (c.id, c.intent_id) and c.amount = e.amount and c.currency = e.currency)
 union
select p.id, 'a closed attempt was charged, and no contradiction says so'
  from charge c
  join attempt_history a on a.gateway_key = c.key and a.outcome in ('DECLINED', 'NOT_SENT')
  join payments p on p.id = a.payment_id
 where p.status not in ('SUCCESS', 'FAILED')
   and not exists (
     select from reconciliation_breaks b where b.payment_id = p.id and b.reference in (c.id, c.intent_id));
