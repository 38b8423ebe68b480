-- Records that the gateway does not know the open attempt of a parked payment. It counts until the next claim.
-- PARAMS   $1 payment_id  text    payment
--          $2 fence       bigint  fence of the payment when the gateway was asked
--          $3 actor       text    who asked
--          $4 min_age_ms  float8  least time after the last claim that may have sent the attempt
-- RETURNS  whether that time had passed and it was recorded; nothing when the payment has changed
with target as (
  select id,
         coalesce(
           (select max(at) from payment_history
             where payment_id = p.id and type in (event_type(p.id, 'processing'), event_type(p.id, 'taken_over')))
             <= clock_timestamp() - $4::float8 * interval '1 millisecond',
           true) as is_old
    from payments p
   where id = $1::text and fence = $2::bigint and status = 'PROCESSING' and needs_review and attempt_open
     and (lease_until is null or lease_until < clock_timestamp())
     for update
), noted as (
  update payments p
     set looked_up_fence = p.fence, event_seq = p.event_seq + 1
    from target
   where p.id = target.id and target.is_old
returning p.id, p.attempt_no, p.event_seq
), written as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'unknown'), 'PROCESSING', 'PROCESSING', $3::text,
         jsonb_build_object('attempt_no', attempt_no, 'reason', 'looked up: the gateway does not know the attempt')
    from noted
)
select is_old from target
