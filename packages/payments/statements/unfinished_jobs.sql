-- Reads a page of the jobs that should exist for payments of a working state, in the order they are due.
-- PARAMS   $1 status  text  QUEUED or PROCESSING
--          $2 at      text  next_run_at of the last payment of the page before, or -infinity
--          $3 id      text  its id, or nothing
--          $4 limit   int   most jobs
-- RETURNS  the jobs; at is next_run_at as text, with its microseconds
-- WHY      Each state is written out, so that it reads its own partial index; the other branch is not executed.
select id as payment_id, schedule_no, next_run_at::text as at, traceparent, priority,
       greatest(0, ceil(extract(epoch from greatest(next_run_at, lease_until) - clock_timestamp()) * 1000))::float8
         as delay_ms
  from ((select * from payments
          where status = 'QUEUED' and $1::text = 'QUEUED' and (next_run_at, id) > ($2::text::timestamptz, $3::text)
          order by next_run_at, id
          limit $4::int)
        union all
        (select * from payments
          where status = 'PROCESSING' and not needs_review and waits_for is null and $1::text = 'PROCESSING'
            and (next_run_at, id) > ($2::text::timestamptz, $3::text)
          order by next_run_at, id
          limit $4::int)) due
 order by due.next_run_at, due.id
