-- Lists every delivery of an event, in the order of the endpoints.
-- PARAMS   $1 event_id  text  id of the event
-- RETURNS  the deliveries
select id, event_id, endpoint_id, status, attempts, next_attempt_at, last_code, last_error, created_at, updated_at
  from webhook_deliveries where event_id = $1::text order by endpoint_id
