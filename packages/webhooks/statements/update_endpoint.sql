-- Changes an endpoint. A null leaves its column as it is, except for the event types.
-- PARAMS   $1 id               text    id of the endpoint
--          $2 url              text    new URL
--          $3 description      text    new description
--          $4 has_event_types  bool    whether the event types change
--          $5 event_types      text[]  new event types; null for every type
--          $6 is_enabled       bool    true enables, false disables
--          $7 account          text    account that it must belong to; null for any
-- RETURNS  the endpoint without its secrets
-- WHY      An endpoint with a new URL, or one that is enabled again, starts with a clean record.
update webhook_endpoints e
   set url              = coalesce($2::text, url),
       description      = coalesce($3::text, description),
       event_types      = case when $4::bool then $5::text[] else event_types end,
       disabled_at      = case $6::bool when true then null
                            when false then coalesce(disabled_at, clock_timestamp()) else disabled_at end,
       disabled_reason  = case $6::bool when true then null
                            when false then coalesce(disabled_reason, 'operator') else disabled_reason end,
       first_failure_at = case when fresh.start then null else first_failure_at end,
       failures         = case when fresh.start then 0 else failures end,
       paused_until     = case when fresh.start then null else paused_until end,
       updated_at       = clock_timestamp()
  from (select id, (coalesce($2::text, url) <> url or $6::bool is true and disabled_at is not null) as start
          from webhook_endpoints where id = $1::text and deleted_at is null
           and ($7::text is null or coalesce(account, 'default') = $7::text)
            for no key update) fresh
 where e.id = fresh.id
returning e.id, e.url, coalesce(e.account, 'default') as account, e.description, e.event_types, e.disabled_at, e.disabled_reason, e.first_failure_at,
          e.paused_until, e.old_secret_until, e.created_at, e.updated_at
