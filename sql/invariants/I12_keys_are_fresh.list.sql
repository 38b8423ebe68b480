-- Gateway keys that were charged when the gateway may have forgotten them, or twice.
-- PARAMS   key_ttl_ms: shelf life of the gateway’s idempotency keys, in milliseconds
--          tolerance_ms: tolerated difference between the clocks of gateway and database, in milliseconds
-- RETURNS  subject, detail
-- WHY      A list has the time at which each charge was made, not that of each request.
\set key_ttl_ms '86400000'
\set tolerance_ms '120000'

select c.payment_id as subject, 'charged after the shelf life of its key' as detail
  from charge c
  join attempt_history a on a.gateway_key = c.key
 where c.at > a.first_sent_at + (:'key_ttl_ms'::float8 + :'tolerance_ms'::float8) * interval '1 millisecond'
 union
select payment_id, 'the gateway charged a key twice'
  from charge
 group by payment_id, key
having count(*) > 1;
