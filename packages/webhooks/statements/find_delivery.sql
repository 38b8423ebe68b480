-- Finds a delivery.
-- PARAMS   $1 id  int8  number of the delivery
-- RETURNS  the delivery
select id, event_id, endpoint_id, status, attempts, next_attempt_at, last_code, last_error, created_at, updated_at
  from webhook_deliveries where id = $1::int8
