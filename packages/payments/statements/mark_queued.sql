-- Marks payments QUEUED that were just enqueued.
-- PARAMS   $1 ids    text[]  payments whose job is in the queue
--          $2 actor  text    who enqueued them
-- RETURNS  the id of each payment that was still PENDING; a worker may have been faster
with target as (
  select p.id
    from (select distinct id from unnest($1::text[]) as id order by id) request
   cross join lateral (
     select id from payments
      where id = request.id
        -- Not written plainly: the index of PENDING payments would seem to fit, and be read whole for each id.
        and coalesce(status, '') = 'PENDING'
        for update
   ) p
), moved as (
  update payments p
     set status      = 'QUEUED',
         next_run_at = greatest(clock_timestamp(), p.execute_at),
         queued_at   = case p.event_seq when 1 then clock_timestamp() end,
         queued_by   = case p.event_seq when 1 then $2::text end,
         event_seq   = p.event_seq + 1,
         updated_at  = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.event_seq
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
  select id, event_seq, event_type(id, 'queued'), 'PENDING', 'QUEUED', $2::text from moved where event_seq <> 2
), note as (
  insert into webhook_outbox (payment_id, seq)
  select id, 2 from moved where event_seq = 2 and event_type(id, 'queued') = any((select types from webhook_feed)::text[])
)
select id from moved
