-- Marks payments QUEUED that were just enqueued.
-- PARAMS   $1 ids    text[]  payments whose job is in the queue
--          $2 actor  text    who enqueued them
-- RETURNS  the id of each payment that was still PENDING; a worker may have been faster
with moved as (
  update payments p
     set status      = 'QUEUED',
         next_run_at = greatest(clock_timestamp(), p.next_run_at),
         queued_at   = case p.event_seq when 1 then clock_timestamp() end,
         queued_by   = case p.event_seq when 1 then $2::text end,
         event_seq   = p.event_seq + 1,
         updated_at  = clock_timestamp()
    from (select distinct id from unnest($1::text[]) as id order by id) request
   where p.id = request.id
     -- Not written plainly: the index of PENDING payments would seem to fit, and be read whole for each id.
     and coalesce(p.status, '') = 'PENDING'
  returning p.id,
            case when p.event_seq <> 2 then record_queued(p.id, p.event_seq, $2::text)
                 when (select types && '{payment.queued}' from webhook_feed) then note_events(p.id, 2, 2) end as is_noted
)
select id from moved
