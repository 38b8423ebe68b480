-- Takes a payment with an open attempt from its holder, parked or not, to write the gateway's own answer.
-- PARAMS   $1 payment_id  text    payment to take
--          $2 attempt_no  int     attempt that the gateway has an answer for
--          $3 gateway     text    gateway of that attempt
--          $4 actor       text    who takes it
--          $5 lease_ms    float8  time for the settlement that follows
-- RETURNS  the work on the payment, or nothing when this attempt is not open, or a capture or void of it is under way: that
--          one decides
-- WHY      The gateway's answer outranks a worker that still waits for it; what that worker writes later changes nothing.
with target as (
  select id, status from payments
   where id = $1::text and attempt_no = $2::int and attempt_open and gateway = $3::text
     and status in ('QUEUED', 'PROCESSING')
     and (waits_for is distinct from 'capture'
          or not exists (select from payments m
                          where m.parent_id = payments.id and m.status in ('PENDING', 'QUEUED', 'PROCESSING')
                            and left(m.id, 4) <> 'ref_'))
     for update
), seized as (
  update payments p
     set status        = 'PROCESSING',
         fence         = p.fence + 1,
         claimed_fence = case when p.parent_id is not null or p.has_details or p.manual_capture or p.customer_present
                              or p.expires_at is not null then p.fence + 1 end,
         account_fence = case when p.account is not null then p.fence + 1 end,
         lease_owner   = $4::text,
         lease_until   = clock_timestamp() + $5::float8 * interval '1 millisecond',
         first_sent_at = coalesce(p.first_sent_at, clock_timestamp()),
         -- The gateway has an answer, so something did reach it.
         sends         = greatest(p.sends, 1),
         event_seq     = p.event_seq + 1,
         updated_at    = clock_timestamp()
    from target
   where p.id = target.id
returning p.*, target.status as from_status
), attempt as (
  update payment_attempts a
     set fence = seized.fence, sends = seized.sends, first_sent_at = seized.first_sent_at
    from seized
   where a.payment_id = seized.id and a.attempt_no = seized.attempt_no
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'taken_over'), from_status, 'PROCESSING', $4::text,
         jsonb_build_object('attempt_no', attempt_no, 'fence', fence)
    from seized
)
select id as payment_id, fence, attempt_no, gateway, 'titan_' || id || '_' || attempt_no as gateway_key, amount, currency,
       'resolve' as mode, retries, resolves, takeovers, gateway_ref,
       extract(epoch from clock_timestamp() - first_sent_at)::float8 * 1000 as key_age_ms,
       extract(epoch from clock_timestamp() - created_at)::float8 * 1000 as age_ms,
       null::float8 as expires_in_ms, manual_capture, customer_present, account, null::jsonb as details,
       case when parent_id is not null then (
         select jsonb_build_object('paymentId', c.id, 'gatewayKey', 'titan_' || c.id || '_' || c.attempt_no,
                                   'gatewayRef', coalesce(seized.charge_ref, c.gateway_ref))
           from payments c where c.id = seized.parent_id)
       end as charge,
       waits_for, waits_until, waits_until <= clock_timestamp() as is_wait_over, false as is_being_moved
  from seized
