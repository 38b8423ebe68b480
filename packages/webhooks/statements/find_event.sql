-- Finds an event.
-- PARAMS   $1 id       text  id of the event
--          $2 account  text  account that it must belong to; null for any
-- RETURNS  the event
select id, type, payment_id, payload, at from webhook_events 
 where id = $1::text and ($2::text is null or coalesce(account, 'default') = $2::text)
