-- Lists endpoints that are not deleted, oldest first.
-- PARAMS   $1 after    text  id that the page before ended with; '' for the first page
--          $2 most     int4  length of the page
--          $3 account  text  whose they are; null for those of every account
-- RETURNS  the endpoints without their secrets
select id, url, coalesce(account, 'default') as account, description, event_types, disabled_at, disabled_reason, first_failure_at, paused_until,
       old_secret_until, created_at, updated_at
  from webhook_endpoints
 where id > $1::text and deleted_at is null and ($3::text is null or coalesce(account, 'default') = $3::text)
 order by id limit $2::int4
