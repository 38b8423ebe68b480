-- Ends payments whose time was over before any attempt was made for them.
-- PARAMS   $1 limit  int   most payments
--          $2 actor  text  who ends them
-- RETURNS  id of each, and milliseconds since it was accepted
-- WHY      A claim that comes at the same time waits for the row and finds it final, or makes an attempt and is left alone.
with target as (
  select id, status from payments
   where expires_at <= clock_timestamp() and expires_at is not null and status in ('PENDING', 'QUEUED') and attempt_no = 0
   order by expires_at, id
   limit $1::int
     for update skip locked
), moved as (
  update payments p
     set status       = 'FAILED',
         failure_code = 'expired',
         failure_kind = 'expired',
         event_seq    = p.event_seq + 1,
         updated_at   = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.event_seq, target.status as from_status, greatest(p.created_at, p.execute_at) as created_at
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, 'payment.failed', from_status, 'FAILED', $2::text, jsonb_build_object('code', 'expired')
    from moved
)
select id as payment_id, extract(epoch from clock_timestamp() - created_at)::float8 * 1000 as age_ms from moved
