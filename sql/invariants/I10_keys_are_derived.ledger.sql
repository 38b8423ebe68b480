-- Requests in the gateway’s ledger under a key that was not committed before.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
--          tolerance_ms: tolerated difference between the clocks of gateway and database, in milliseconds
-- RETURNS  subject, detail
-- WHY      A key that is not on disk is lost in a crash, and the next one charges again. What is not finished is canceled
--          under the key of its charge and `_abandon`.
-- UNLISTED by our own records: a list shows no requests
\set settled 'false'
\set fresh_ms '5000'
\set tolerance_ms '1000'

select p.id as subject, 'the gateway saw a key before it was committed' as detail
  from request
  join payments p on p.id = request.payment_id
  left join attempt_history a on a.gateway_key = request.key
 where (:'settled' = 'true' or request.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and (a.payment_id is distinct from p.id
        or request.at < a.created_at - :'tolerance_ms'::float8 * interval '1 millisecond')
 union all
select r.payment_id, 'the gateway saw the key of a movement before it was committed'
  from movement_request r
  join payments p on p.id = r.payment_id
  left join attempt_history a on a.gateway_key = regexp_replace(r.key, '_abandon$', '')
  left join payments m on m.id = a.payment_id
 where r.key is not null
   and (:'settled' = 'true' or r.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and (coalesce(m.parent_id, m.id) is distinct from r.payment_id
        or r.at < a.created_at - :'tolerance_ms'::float8 * interval '1 millisecond');
