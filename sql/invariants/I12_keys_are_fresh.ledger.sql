-- Gateway keys that were sent again after their shelf life.
-- PARAMS   key_ttl_ms: shelf life of the gateway’s idempotency keys, in milliseconds
-- RETURNS  subject, detail
-- WHY      A gateway that has forgotten a key charges again.
-- UNLISTED a list shows what was charged, not what was sent again
\set key_ttl_ms '86400000'

select key as subject, 'sent again after its shelf life' as detail
  from request
 where key is not null
 group by key
having max(at) - min(at) > :'key_ttl_ms'::float8 * interval '1 millisecond';
