-- Finds an endpoint that is not deleted.
-- PARAMS   $1 id       text  id of the endpoint
--          $2 account  text  account that it must belong to; null for any
-- RETURNS  the endpoint without its secrets
select id, url, coalesce(account, 'default') as account, description, event_types, disabled_at, disabled_reason, first_failure_at, paused_until,
       old_secret_until, created_at, updated_at
  from webhook_endpoints where id = $1::text and deleted_at is null and ($2::text is null or coalesce(account, 'default') = $2::text)
