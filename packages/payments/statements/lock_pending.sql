-- Locks PENDING payments for the relay, oldest first. Skips rows that another relay holds.
-- PARAMS   $1 min_age_ms  float8  younger payments are left to the program that created them
--          $2 limit       int     most payments
-- RETURNS  id, traceparent and priority of each payment
select id, traceparent, priority from payments
 where status = 'PENDING' and next_run_at <= statement_timestamp() - $1::float8 * interval '1 millisecond'
 order by next_run_at, id
 limit $2::int
   for update skip locked
