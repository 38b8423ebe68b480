-- Payments that only the gateway’s ledger names.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
-- RETURNS  subject, detail
-- WHY      An attempt is committed before its request leaves, so the gateway never knows a payment that we do not.
\set settled 'false'
\set fresh_ms '5000'

select distinct fact.payment_id as subject, 'the ledger names a payment that does not exist' as detail
  from (select payment_id, at from request union all select payment_id, at from charge
        union all select payment_id, at from movement) fact
 where fact.payment_id is not null
   and (:'settled' = 'true' or fact.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and not exists (select from payments p where p.id = fact.payment_id);
