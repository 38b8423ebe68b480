-- Records a delivered webhook: the delivery, the attempt, and a clean record of the endpoint.
-- PARAMS   $1 delivery_id  int8  number of the delivery
--          $2 dispatch_no  int4  dispatch that the attempt belongs to
--          $3 duration_ms  int4  length of the request
--          $4 code         int4  HTTP status
--          $5 response     text  beginning of the response body
-- RETURNS  id of the delivery; no row when the dispatch is stale
with delivery as (
  update webhook_deliveries
     set status = 'DELIVERED', attempts = attempts + 1, tries = tries + 1, next_attempt_at = null, leased_until = null,
         last_code = $4::int4, last_error = null, updated_at = clock_timestamp()
   where id = $1::int8 and dispatches = $2::int4 and leased_until is not null
returning id, endpoint_id, attempts
), attempt as (
  insert into webhook_attempts (delivery_id, attempt_no, duration_ms, code, response)
  select id, attempts, $3::int4, $4::int4, $5::text from delivery
), healed as (
  -- Most endpoints are well, and their rows stay as they are.
  update webhook_endpoints e
     set first_failure_at = null, failures = 0, paused_until = null
    from delivery
   where e.id = delivery.endpoint_id
     and (e.failures > 0 or e.first_failure_at is not null or e.paused_until is not null)
)
select id from delivery
