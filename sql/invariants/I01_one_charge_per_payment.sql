-- Finds payments with more than one captured charge in the gateway's ledger.
-- SCOPE    ledger
-- PARAMS   none
-- RETURNS  id, what
-- WHY      The ledger is the only witness of a charge that our books never heard of.
select payment_id as id, 'the gateway captured more than one charge' as what
  from charge
 where payment_id is not null
 group by payment_id
having count(*) > 1
