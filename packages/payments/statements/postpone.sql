-- Postpones payments whose job is not lost, so that another full age passes before they are examined again.
-- PARAMS   $1 ids        text[]    payments
--          $2 delays_ms  float8[]  for each, milliseconds until its job is due
-- RETURNS  nothing
update payments p set next_run_at = clock_timestamp() + job.delay_ms * interval '1 millisecond'
  from unnest($1::text[], $2::float8[]) as job (id, delay_ms)
 where p.id = job.id and status in ('QUEUED', 'PROCESSING')
   and (lease_until is null or lease_until < clock_timestamp()) and next_run_at < clock_timestamp()
