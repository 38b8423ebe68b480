-- Finds gateway keys that the ledger saw with other parameters.
-- SCOPE    ledger
-- PARAMS   none
-- RETURNS  id, what
-- WHY      What is sent under a key never changes.
select a.payment_id as id, 'the gateway saw another amount or currency' as what
  from request r
  join payment_attempts a on a.gateway_key = r.key
 where (r.amount, r.currency) is distinct from (a.amount, a.currency)
 union
select key, 'the gateway refused a known key with other parameters'
  from mismatch
