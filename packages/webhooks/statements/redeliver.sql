-- Starts the schedule of deliveries again, at once. A request under way continues.
-- PARAMS   $1 ids  int8[]  numbers of the deliveries
-- RETURNS  id of each delivery whose endpoint is enabled
update webhook_deliveries d
   set status = 'PENDING', tries = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
  from webhook_endpoints e
 where d.id = any($1::int8[]) and e.id = d.endpoint_id and e.disabled_at is null and e.deleted_at is null
returning d.id
