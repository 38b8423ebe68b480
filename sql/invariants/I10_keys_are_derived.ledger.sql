-- Requests in the gateway’s ledger under a key that was not committed before.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
--          tolerance_ms: tolerated difference between the clocks of gateway and database, in milliseconds
-- RETURNS  subject, detail
-- WHY      A key that is not on disk is lost in a crash, and the next one charges again.
\set settled 'false'
\set fresh_ms '5000'
\set tolerance_ms '1000'

select p.id as subject, 'the gateway saw a key before it was committed' as detail
  from request
  join payments p on p.id = request.payment_id
  left join attempt_history a on a.gateway_key = request.key
 where (:'settled' = 'true' or request.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and (a.payment_id is distinct from p.id
        or request.at < a.created_at - :'tolerance_ms'::float8 * interval '1 millisecond');
