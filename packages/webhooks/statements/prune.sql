-- Deletes events older than the retention, with their deliveries and attempts, unless a delivery is pending or changed since.
-- PARAMS   $1 retention_ms  float8  age from which events are deleted
--          $2 after         text    id that the batch before ended with; '' for the first one
--          $3 most          int4    events that are examined
-- RETURNS  seen: how many events were examined; last: id of the last one; count: how many were deleted
-- WHY      Walks along the ids: they begin with a time that is never later than the event, so no index is needed and
--          events that stay are not examined twice.
with cutoff as materialized (
  select clock_timestamp() - $1::float8 * interval '1 millisecond' as at
), batch as materialized (
  select e.id, e.created_at from webhook_events e, cutoff
   where e.id > $2::text
     and e.id < 'evt_' || lpad(to_hex(floor(extract(epoch from cutoff.at) * 1000)::bigint), 12, '0')
   order by e.id limit $3::int4
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
select count(*) as seen, max(id) as last, (select count(*) from gone) as count from batch
