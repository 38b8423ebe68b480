-- Inserts an endpoint unless there are too many.
-- PARAMS   $1 id           text    id of the new endpoint
--          $2 url          text    where its events are sent
--          $3 description  text    for people
--          $4 event_types  text[]  types that it receives; null for every type
--          $5 secret       bytea   encrypted signing secret
--          $6 account      text    whose it is; null for default
--          $7 most         int4    most endpoints of the account that are not deleted
-- RETURNS  the endpoint without its secrets; no row when there are too many
insert into webhook_endpoints (id, url, description, event_types, secret, account)
select $1::text, $2::text, $3::text, $4::text[], $5::bytea, $6::text
 where (select count(*) from webhook_endpoints where deleted_at is null and account is not distinct from $6::text) < $7::int4
returning id, url, coalesce(account, 'default') as account, description, event_types, disabled_at, disabled_reason, first_failure_at, paused_until,
          old_secret_until, created_at, updated_at
