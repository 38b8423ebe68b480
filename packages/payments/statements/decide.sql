-- Writes an operator's decision on a parked payment: the payment, its attempt, the event, and accepted charges.
-- PARAMS   $1 id           text  payment
--          $2 decision     text  SUCCESS, FAILED or RETRY
--          $3 gateway_ref  text  charge that moved the money, or null
--          $4 note         text  where the evidence is
--          $5 actor        text  operator
--          $6 event        text  type of the event
-- RETURNS  the id; nothing when the payment is no longer parked, or the decision contradicts a charge on record
with target as (
  select id, attempt_open, late_charge_ref,
         -- A charge that came to light late may be at the gateway of an earlier attempt.
         (select b.gateway from reconciliation_breaks b
           where b.payment_id = payments.id and b.kind = 'late_charge' and b.reference = $3::text
           order by b.gateway <> payments.gateway
           limit 1) as late_gateway
    from payments
   where id = $1::text and status = 'PROCESSING' and needs_review
     and (lease_until is null or lease_until < clock_timestamp())
     -- Money moved already, or there is nothing to ask about: asking again could charge.
     and ($2::text <> 'RETRY' or attempt_open and late_charge_ref is null)
     -- "No money moved" is not true while a charge of it is on record that was not refunded.
     and ($2::text = 'SUCCESS' or open_charges = 0)
     for update
), moved as (
  update payments p
     set status        = case when $2::text = 'RETRY' then 'PROCESSING' else $2::text end,
         fence         = p.fence + 1,
         claimed_fence = case when p.parent_id is not null then p.fence + 1 end,
         account_fence = case when p.account is not null then p.fence + 1 end,
         needs_review  = false,
         resolves      = 0,
         -- Otherwise an attempt that killed its workers would be parked again at once. That they may have sent is kept in sends.
         takeovers     = case when $2::text = 'RETRY' then 0 else p.takeovers end,
         attempt_open  = $2::text = 'RETRY',
         unknown_since = case when $2::text = 'RETRY' then p.unknown_since end,
         next_run_at   = clock_timestamp(),
         gateway       = case $2::text when 'SUCCESS' then coalesce(target.late_gateway, p.gateway) else p.gateway end,
         gateway_ref   = case $2::text when 'SUCCESS' then $3::text when 'RETRY' then p.gateway_ref end,
         failure_code  = case when $2::text = 'FAILED' then 'operator' end,
         failure_kind  = case when $2::text = 'FAILED' then 'operator' end,
         event_seq     = p.event_seq + 1,
         updated_at    = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.attempt_no, p.event_seq, p.status, target.attempt_open as was_open,
         $2::text = 'SUCCESS' and (
           target.late_charge_ref is not distinct from $3::text or target.late_gateway is not null
         ) as is_late
), attempt as (
  update payment_attempts a
     -- A late charge belongs to an attempt before, so the open one moved nothing.
     set outcome     = case when $2::text = 'SUCCESS' and not moved.is_late then 'SUCCEEDED'
                            when $2::text <> 'RETRY' then 'DECLINED' end,
         decided_at  = case when $2::text <> 'RETRY' then clock_timestamp() end,
         gateway_ref = case when moved.is_late then a.gateway_ref else coalesce($3::text, a.gateway_ref) end
    from moved
   where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and moved.was_open
), accepted as (
  update reconciliation_breaks b
     set resolved_at = clock_timestamp(), resolution = $4::text, resolved_by = $5::text
    from moved
   where $2::text = 'SUCCESS' and b.payment_id = moved.id
     and b.reference = $3::text and b.resolved_at is null
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, $6::text, 'PROCESSING', status, $5::text,
         jsonb_build_object('note', $4::text, 'gateway_ref', $3::text)
    from moved
)
select id from moved
