-- Stores events and a delivery of each for every subscribed endpoint, once.
-- PARAMS   $1 ids          text[]  ids of the events
--          $2 types        text[]  type of each
--          $3 payment_ids  text[]  payment of each; null for none
--          $4 payloads     text[]  body of each
--          $5 times        text[]  when each happened
--          $6 accounts     text[]  account of each; null for default
--          $7 endpoint_id  text    only this endpoint, whatever it is subscribed to; null for the subscribed ones
--          $8 is_kept      bool    whether to keep an event without a receiver
-- RETURNS  nothing
-- WHY      No event reaches an endpoint of another account. An endpoint receives what happened after its creation. One that
--          is disabled gets its deliveries too, ended, so that an operator can send them.
with event as (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]::timestamptz[], $6::text[])
    as event (id, type, payment_id, payload, at, account)
), target as (
  select event.id as event_id, e.id as endpoint_id, e.disabled_at is null as may_send
    from event
    join webhook_endpoints e on e.deleted_at is null
     and coalesce(e.account, 'default') = coalesce(event.account, 'default')
     and case when $7::text is null
              then e.created_at <= event.at and (e.event_types is null or event.type = any(e.event_types))
              else e.id = $7::text end
), stored as (
  insert into webhook_events (id, type, payment_id, payload, at, account)
  select id, type, payment_id, payload, at, account
    from event where $8::bool or id in (select event_id from target)
      on conflict (id) do nothing
)
insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at, last_error)
select event_id, endpoint_id,
       case when may_send then 'PENDING' else 'FAILED' end,
       case when may_send then clock_timestamp() end,
       case when not may_send then 'endpoint_disabled' end
  from target
    on conflict (event_id, endpoint_id) do nothing
