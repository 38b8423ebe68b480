-- Finds a delivery.
-- PARAMS   $1 id       int8  number of the delivery
--          $2 account  text  account whose endpoint it must be to; null for any
-- RETURNS  the delivery
select id, event_id, endpoint_id, status, attempts, next_attempt_at, last_code, last_error, created_at, updated_at
  from webhook_deliveries 
 where id = $1::int8
   and ($2::text is null
        or exists (select from webhook_endpoints e where e.id = endpoint_id and coalesce(e.account, 'default') = $2::text))
