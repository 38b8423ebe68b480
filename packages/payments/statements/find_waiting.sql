-- Finds payments that wait and have been due for so long that they may have no job.
-- PARAMS   $1 age_ms  float8  how long they are due
--          $2 seen    text[]  payments that were examined already
--          $3 limit   int     most payments
-- RETURNS  each payment, and whether the lease of a claim ended
select id as payment_id, schedule_no, lease_until is not null as is_lease_over
  from payments
 where waits_for is not null
   and next_run_at < statement_timestamp() - $1::float8 * interval '1 millisecond'
   and coalesce(lease_until, '-infinity') < statement_timestamp() - $1::float8 * interval '1 millisecond'
   and id <> all($2::text[])
 order by next_run_at, id
 limit $3::int
