-- Records the refund of a charge that contradicts its payment, or that what contradicts a capture, void or refund was undone.
-- What is parked for it may end as FAILED.
-- PARAMS   $1 id           text  payment
--          $2 gateway_ref  text  the gateway's id of the charge, or of what was moved
--          $3 refund_ref   text  the gateway's id of the refund
--          $4 note         text  where the evidence is
--          $5 actor        text  operator
-- RETURNS  one row: how many contradictions it closed, and how many payments it ended
with target as (
  select id, status, attempt_open, looked_up_fence is not distinct from fence as is_looked_up from payments
   where id = $1::text
     -- One that is under way may succeed yet: the money would go back twice.
     and not exists (select from payments m
                      where m.parent_id = $1::text and m.charge_ref = $2::text and m.status not in ('SUCCESS', 'FAILED'))
     and (status = 'FAILED'
          -- What a payment succeeded with is its own charge, no contradiction.
          or status = 'SUCCESS' and gateway_ref is distinct from $2::text
          or status = 'PROCESSING' and needs_review and (lease_until is null or lease_until < clock_timestamp()))
     for update
), closed as (
  update reconciliation_breaks b
     set resolved_at = clock_timestamp(), resolution = $4::text, refund_ref = $3::text, resolved_by = $5::text
    from target
   where b.payment_id = target.id and b.reference = $2::text and b.resolved_at is null
returning b.kind
), moved as (
  update payments p
     set status        = 'FAILED',
         fence         = p.fence + 1,
         claimed_fence = case when p.parent_id is not null then p.fence + 1 end,
         needs_review  = false,
         resolves      = 0,
         attempt_open  = false,
         unknown_since = null,
         next_run_at   = clock_timestamp(),
         gateway_ref   = null,
         failure_code  = 'refunded',
         failure_kind  = 'operator',
         event_seq     = p.event_seq + 1,
         updated_at    = clock_timestamp()
    from target
   where p.id = target.id and target.status = 'PROCESSING'
     and exists (select from closed)
     -- A late charge is of an attempt before, and says nothing about the open one.
     and (not target.attempt_open or target.is_looked_up or not exists (select from closed where kind = 'late_charge'))
     and not exists (
       select from reconciliation_breaks other
        where other.payment_id = p.id and other.resolved_at is null and other.reference <> $2::text)
returning p.id, p.attempt_no, p.event_seq
), attempt as (
  update payment_attempts a
     set outcome = 'DECLINED', decided_at = clock_timestamp()
    from moved
   where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and a.outcome is null
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'failed'), 'PROCESSING', 'FAILED', $5::text,
         jsonb_build_object('note', $4::text, 'gateway_ref', $2::text, 'refund_ref', $3::text)
    from moved
)
select (select count(*) from closed) as closed, (select count(*) from moved) as moved
