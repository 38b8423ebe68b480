-- Ends a payment that no attempt was made for.
-- PARAMS   $1 id      text  payment
--          $2 actor   text  who cancels it
--          $3 reason  text  why
-- RETURNS  its id; nothing when the payment is unknown, final, or has an attempt already
with target as (
  select id, status from payments
   where id = $1::text and parent_id is null and status in ('PENDING', 'QUEUED') and attempt_no = 0
     for update
), moved as (
  update payments p
     set status       = 'FAILED',
         failure_code = 'canceled',
         failure_kind = 'canceled',
         event_seq    = p.event_seq + 1,
         updated_at   = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.event_seq, target.status as from_status
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, 'payment.failed', from_status, 'FAILED', $2::text,
         jsonb_build_object('code', 'canceled', 'reason', $3::text)
    from moved
)
select id from moved
