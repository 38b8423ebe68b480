-- Dispatches deliveries that are due: each endpoint's first before any endpoint's second.
-- PARAMS   $1 max_per_endpoint  int4    most deliveries of one endpoint in flight
--          $2 most              int4    most deliveries
--          $3 lease_ms          float8  time after which a delivery without a result is due again
-- RETURNS  number, dispatch number and trace of each delivery that was dispatched
-- WHY      The share of an endpoint is max_per_endpoint, halved by each failure in a row, and none while it is paused:
--          what waits for a dead endpoint waits in this table and delays no other endpoint.
with room as (
  select e.id, greatest(0, greatest(1, $1::int4 >> least(e.failures, 30)) - (
           select count(*) from webhook_deliveries
            where endpoint_id = e.id and leased_until is not null and leased_until > clock_timestamp()
         )) as free
    from webhook_endpoints e
   where e.disabled_at is null and e.deleted_at is null
     and (e.paused_until is null or e.paused_until <= clock_timestamp())
), due as (
  select d.id, d.next_attempt_at,
         row_number() over (partition by room.id order by d.next_attempt_at, d.id) as place
    from room
   cross join lateral (
     select id, next_attempt_at from webhook_deliveries
      where endpoint_id = room.id and status = 'PENDING' and next_attempt_at <= clock_timestamp()
        and (leased_until is null or leased_until <= clock_timestamp())
      order by next_attempt_at
      limit room.free
        for update skip locked
   ) d
), chosen as (
  select id from due order by place, next_attempt_at, id limit $2::int4
)
update webhook_deliveries d
   set leased_until = clock_timestamp() + $3::float8 * interval '1 millisecond',
       dispatches   = d.dispatches + 1
  from chosen
 where d.id = chosen.id
returning d.id as delivery_id, d.dispatches as dispatch_no,
          (select p.traceparent from webhook_events e join payments p on p.id = e.payment_id where e.id = d.event_id)
