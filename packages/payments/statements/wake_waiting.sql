-- Wakes payments that wait for capture, customer or gateway and have a step due: each gets a new scheduling.
-- PARAMS   $1 age_ms  float8  a payment that is due for longer has no job
--          $2 limit   int     most payments
--          $3 actor   text    who wakes them
-- RETURNS  the job that each payment needs
-- WHY      A payment that waits has no job, so nothing else makes one for it. next_run_at moves to now, so it is woken again
--          only after another full age.
with target as (
  select id from payments
   where waits_for is not null
     and next_run_at < statement_timestamp() - $1::float8 * interval '1 millisecond'
     and coalesce(lease_until, '-infinity') < statement_timestamp() - $1::float8 * interval '1 millisecond'
   order by next_run_at, id
   limit $2::int
     for update skip locked
), moved as (
  update payments p
     set schedule_no = p.schedule_no + 1,
         next_run_at = clock_timestamp(),
         event_seq   = p.event_seq + 1,
         updated_at  = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.status, p.schedule_no, p.event_seq, p.traceparent, p.priority, p.waits_for
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'requeued'), status, status, $3::text,
         jsonb_build_object('reason', 'a step is due', 'waits_for', waits_for, 'schedule_no', schedule_no)
    from moved
)
select id as payment_id, schedule_no, 0::float8 as delay_ms, traceparent, priority from moved
