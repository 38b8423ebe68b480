-- Counts a failure of an endpoint; pauses or disables it when that is due.
-- PARAMS   $1 endpoint_id       text    id of the endpoint
--          $2 is_gone           bool    whether the receiver wants no more webhooks
--          $3 pause_ms          float8  pause that the receiver asked for; 0 for none
--          $4 break_after       int4    failures in a row after which it is paused after each
--          $5 break_ms          float8  first of these pauses; doubles with each failure
--          $6 max_break_ms      float8  longest of these pauses
--          $7 disable_after_ms  float8  time without a success after which it is disabled
-- RETURNS  URL, account, reason and time of disabling; the reason is null when the endpoint stays enabled
with target as (
  select id, failures + 1 as failures,
         case when $2::bool then 'gone'
              when first_failure_at <= clock_timestamp() - $7::float8 * interval '1 millisecond'
              then 'failing' end as reason
    from webhook_endpoints
   where id = $1::text and disabled_at is null and deleted_at is null
     -- Leaves room for the references of new deliveries.
     for no key update
)
update webhook_endpoints e
   set failures         = target.failures,
       first_failure_at = coalesce(e.first_failure_at, clock_timestamp()),
       paused_until     = greatest(
         e.paused_until,
         case when $3::float8 > 0 then clock_timestamp() + $3::float8 * interval '1 millisecond' end,
         case when target.failures >= $4::int4 then clock_timestamp() + least(
           $5::float8 * 2 ^ least(target.failures - $4::int4, 30), $6::float8
         ) * interval '1 millisecond' end),
       disabled_at      = case when target.reason is not null then clock_timestamp() end,
       disabled_reason  = target.reason
  from target
 where e.id = target.id
returning e.url, e.account, target.reason, e.disabled_at
