-- Payments with more than one captured charge in the gateway’s ledger.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      The ledger is the only witness of a charge that never reached our records. The one on record may be another
--          gateway's, or before the span of a list.

select payment_id as subject, 'the gateway captured more than one charge' as detail
  from charge
 where payment_id is not null
 group by payment_id
having count(*) > 1
 union
select p.id, 'the gateway captured a charge, and another one is on record'
  from charge c
  join payments p on p.id = c.payment_id
 where p.status = 'SUCCESS' and p.gateway_ref not in (c.id, c.intent_id)
   and not exists (select from expected e where e.id = p.id);
