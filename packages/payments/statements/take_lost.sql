-- Takes payments whose job is lost and gives each a new scheduling.
-- PARAMS   $1 queued_age_ms      float8  a QUEUED payment that is due for longer has no job
--          $2 processing_age_ms  float8  a PROCESSING payment whose lease ended or whose next step is due for longer has none
--          $3 limit              int     most payments of each state
--          $4 actor              text    who takes them
-- RETURNS  the job that each payment needs
-- WHY      next_run_at moves to now, so a payment is taken again only after another full age; a crash before the enqueue
--          costs that time.
with queued as (
  select id, 'no job for a due payment' as reason
    from payments
   where status = 'QUEUED'
     and next_run_at < statement_timestamp() - $1::float8 * interval '1 millisecond'
   order by next_run_at, id
   limit $3::int
     for update skip locked
), processing as (
  select id, case when lease_until is null then 'an unknown outcome is due' else 'the lease is over' end as reason
    from payments
   where status = 'PROCESSING' and not needs_review and waits_for is null
     and next_run_at < statement_timestamp() - $2::float8 * interval '1 millisecond'
     and coalesce(lease_until, '-infinity')
         < statement_timestamp() - $2::float8 * interval '1 millisecond'
   order by next_run_at, id
   limit $3::int
     for update skip locked
), target as (
  select * from queued union all select * from processing
), moved as (
  update payments p
     set schedule_no = p.schedule_no + 1,
         next_run_at = clock_timestamp(),
         event_seq   = p.event_seq + 1,
         updated_at  = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.status, p.schedule_no, p.event_seq, p.traceparent, p.priority, target.reason
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'requeued'), status, status, $4::text,
         jsonb_build_object('reason', reason, 'schedule_no', schedule_no)
    from moved
)
select id as payment_id, schedule_no, 0::float8 as delay_ms, traceparent, priority from moved
