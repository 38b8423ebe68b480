-- Inserts an endpoint unless there are too many.
-- PARAMS   $1 id           text    id of the new endpoint
--          $2 url          text    where its events are sent
--          $3 description  text    for people
--          $4 event_types  text[]  types that it receives; null for every type
--          $5 secret       bytea   encrypted signing secret
--          $6 most         int4    most endpoints that are not deleted
-- RETURNS  the endpoint without its secrets; no row when there are too many
insert into webhook_endpoints (id, url, description, event_types, secret)
select $1::text, $2::text, $3::text, $4::text[], $5::bytea
 where (select count(*) from webhook_endpoints where deleted_at is null) < $6::int4
returning id, url, description, event_types, disabled_at, disabled_reason, first_failure_at, paused_until,
          old_secret_until, created_at, updated_at
