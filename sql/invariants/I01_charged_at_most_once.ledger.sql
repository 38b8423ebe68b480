-- Payments with more than one captured charge in the gateway’s ledger.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      The ledger is the only witness of a charge that never reached our records.

select payment_id as subject, 'the gateway captured more than one charge' as detail
  from charge
 where payment_id is not null
 group by payment_id
having count(*) > 1;
