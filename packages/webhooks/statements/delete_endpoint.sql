-- Marks an endpoint as deleted and erases its secrets.
-- PARAMS   $1 id       text  id of the endpoint
--          $2 account  text  account that it must belong to; null for any
-- RETURNS  id of the endpoint
update webhook_endpoints
   set deleted_at = clock_timestamp(), secret = null, old_secret = null, old_secret_until = null,
       updated_at = clock_timestamp()
 where id = $1::text and deleted_at is null and ($2::text is null or coalesce(account, 'default') = $2::text)
returning id
