-- Deletes events older than the retention, with their deliveries and attempts, unless a delivery is pending or changed since.
-- PARAMS   $1 retention_ms  float8  age from which events are deleted
--          $2 after         text    position of the event that the batch before ended with; '' for the first one
--          $3 most          int4    events that are examined
-- RETURNS  seen: how many events were examined; last: id of the last one; count: how many were deleted
-- WHY      Walks along the positions, which are the ids without evt_ and the kind of a movement: they begin with a time
--          that is never later than the event, so each kind is a range of the primary key, no index is needed, and events
--          that stay are not examined twice.
with cutoff as materialized (
  select at, lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') as position
    from (select clock_timestamp() - $1::float8 * interval '1 millisecond' as at) moment
), batch as materialized (
  select id, created_at, position
    from ((select e.id, e.created_at, substr(e.id, 5) as position from webhook_events e, cutoff
            where e.id > 'evt_' || $2::text and e.id < 'evt_' || cutoff.position order by e.id limit $3::int4)
          union all
          (select e.id, e.created_at, substr(e.id, 9) from webhook_events e, cutoff
            where e.id > 'evt_cap_' || $2::text and e.id < 'evt_cap_' || cutoff.position order by e.id limit $3::int4)
          union all
          (select e.id, e.created_at, substr(e.id, 9) from webhook_events e, cutoff
            where e.id > 'evt_ref_' || $2::text and e.id < 'evt_ref_' || cutoff.position order by e.id limit $3::int4)
          union all
          (select e.id, e.created_at, substr(e.id, 10) from webhook_events e, cutoff
            where e.id > 'evt_void_' || $2::text and e.id < 'evt_void_' || cutoff.position order by e.id limit $3::int4)) event
   order by position limit $3::int4
), ended as materialized (
  -- A concurrent redelivery is seen, or waits until the row is gone.
  select d.id from webhook_deliveries d, batch, cutoff
   where d.event_id = batch.id and d.status <> 'PENDING' and d.updated_at < cutoff.at
     for update of d skip locked
), gone as (
  delete from webhook_events e using batch, cutoff
   where e.id = batch.id and batch.created_at < cutoff.at
     and not exists (select from webhook_deliveries d
                      where d.event_id = e.id and d.id not in (select id from ended))
returning e.id
)
select count(*) as seen, (array_agg(id order by position desc))[1] as last, (select count(*) from gone) as count
  from batch
