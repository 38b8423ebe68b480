-- Finds payments that only the gateway's ledger names.
-- SCOPE    ledger
-- PARAMS   $1 settled: no payment is under way
--          $2 fresh_ms: age from which a fact of the ledger must be in the snapshot, in milliseconds
-- RETURNS  id, what
-- WHY      An attempt is committed before its request leaves, so the gateway never knows a payment that we do not.
select distinct fact.payment_id as id, 'the ledger names a payment that is not there' as what
  from (select payment_id, at from request union all select payment_id, at from charge) fact
 where fact.payment_id is not null
   and ($1::boolean or fact.at < now() - $2::float8 * interval '1 millisecond')
   and not exists (select from payments p where p.id = fact.payment_id)
