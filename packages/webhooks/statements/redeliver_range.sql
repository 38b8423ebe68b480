-- Starts the schedule of an endpoint's deliveries in a time range again, at once, oldest first.
-- PARAMS   $1 endpoint_id  text         id of the endpoint
--          $2 after        int8         number that the chunk before ended with
--          $3 examined     int4         deliveries that are examined
--          $4 status       text         status that they have
--          $5 since        timestamptz  created at or after
--          $6 until        timestamptz  created before
-- RETURNS  examined: how many were examined; last: the number of the last one; moved: how many are sent again
-- WHY      In chunks, so that a long range does not outlast the statement timeout.
with chunk as materialized (
  select id, status, created_at from webhook_deliveries
   where (endpoint_id, id) > ($1::text, $2::int8) and endpoint_id <= $1::text
   order by endpoint_id, id limit $3::int4
), target as (
  select d.id from webhook_deliveries d
   where d.id = any(array(
           select id from chunk
            where status = $4::text
              and created_at >= $5::timestamptz and created_at < $6::timestamptz))
     -- Of its row alone the lock guarantees the latest version.
     and d.status = $4::text
   order by d.id for update
), moved as (
  update webhook_deliveries d
     set status = 'PENDING', tries = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
    from target
   where d.id = target.id
returning d.id
)
select (select count(*) from chunk) as examined, (select coalesce(max(id), 0) from chunk) as last,
       (select count(*) from moved) as moved
