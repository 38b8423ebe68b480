-- Finds an event.
-- PARAMS   $1 id  text  id of the event
-- RETURNS  the event
select id, type, payment_id, payload, at from webhook_events where id = $1::text
