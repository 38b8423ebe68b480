-- Lists a page of payments whose next step is long overdue, oldest first.
-- PARAMS   $1 grace_ms: how long a payment may be due, in milliseconds
--          $2 after_at, $3 after_id: where the page before ended
--          $4 limit
-- RETURNS  id, schedule_no, event_seq, at
-- WHY      Read in pages, because Redis is asked about each page and no transaction may stay open meanwhile.
--          Written out per state, so that each reads its own partial index.
with queued as (
  select id, schedule_no, event_seq, next_run_at
    from payments
   where status = 'QUEUED'
     and next_run_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
     and (next_run_at, id) > ($2::text::timestamptz, $3::text)
   order by next_run_at, id
   limit $4::int
), processing as (
  select id, schedule_no, event_seq, next_run_at
    from payments
   where status = 'PROCESSING' and not needs_review and waits_for is null
     and greatest(next_run_at, lease_until) < clock_timestamp() - $1::float8 * interval '1 millisecond'
     and (next_run_at, id) > ($2::text::timestamptz, $3::text)
   order by next_run_at, id
   limit $4::int
)
select id, schedule_no, event_seq, next_run_at::text as at
  from (select * from queued union all select * from processing) due
 order by next_run_at, id
 limit $4::int
