-- Gateway keys that the ledger saw with other parameters.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      What is sent under a key never changes.
-- UNLISTED by our own records: a list shows no requests

select a.payment_id as subject, 'the gateway saw another amount or currency' as detail
  from request r
  join attempt_history a on a.gateway_key = r.key
 where (r.amount, r.currency) is distinct from (a.amount, a.currency)
 union
select key, 'the gateway refused a known key with other parameters'
  from mismatch;
