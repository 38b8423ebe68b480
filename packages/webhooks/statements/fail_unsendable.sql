-- Ends deliveries that are due at endpoints that are disabled or deleted. An operator can send them again.
-- PARAMS   $1 most  int4  most deliveries
-- RETURNS  id of each delivery that was ended
with target as (
  select d.id, case when e.deleted_at is null then 'endpoint_disabled' else 'endpoint_deleted' end as reason
    from webhook_endpoints e
   cross join lateral (
     select id from webhook_deliveries
      where endpoint_id = e.id and status = 'PENDING' and next_attempt_at <= clock_timestamp()
        and (leased_until is null or leased_until <= clock_timestamp())
      order by next_attempt_at
      limit $1::int4
        for update skip locked
   ) d
   where e.disabled_at is not null or e.deleted_at is not null
   limit $1::int4
)
update webhook_deliveries d
   set status = 'FAILED', next_attempt_at = null, leased_until = null, last_error = target.reason,
       updated_at = clock_timestamp()
  from target
 where d.id = target.id
returning d.id
