-- Finds requests in the gateway's ledger under a key that was not committed before.
-- SCOPE    ledger
-- PARAMS   $1 settled: no payment is under way
--          $2 fresh_ms: age from which a fact of the ledger must be in the snapshot, in milliseconds
--          $3 tolerance_ms: how far the clocks of gateway and database may be apart, in milliseconds
-- RETURNS  id, what
-- WHY      A key that is not on disk is lost in a crash, and the next one charges again.
select p.id, 'the gateway saw a key before it was committed' as what
  from request
  join payments p on p.id = request.payment_id
  left join payment_attempts a on a.gateway_key = request.key
 where ($1::boolean or request.at < now() - $2::float8 * interval '1 millisecond')
   and (a.payment_id is distinct from p.id
        or request.at < a.created_at - $3::float8 * interval '1 millisecond')
