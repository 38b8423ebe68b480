-- Finds gateway keys that were sent again after their shelf life.
-- SCOPE    ledger
-- PARAMS   $1 key_ttl_ms: shelf life of the gateway's keys, in milliseconds
-- RETURNS  id, what
-- WHY      A gateway that has forgotten a key charges again.
select key as id, 'sent again after its shelf life' as what
  from request
 where key is not null
 group by key
having max(at) - min(at) > $1::float8 * interval '1 millisecond'
