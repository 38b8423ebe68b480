-- Claims payments that are due: fence + 1, a lease, the attempt with its gateway key, the events.
-- The first claim of a payment without incident is part of its row.
-- PARAMS   $1 ids       text[]  payments to claim
--          $2 owner     text    who claims: shown, never compared
--          $3 lease_ms  float8  length of the lease by the clock of the database
--          $4 gateway   text    gateway of new attempts; open attempts at another one are left alone, as are captures, voids
--                               and refunds of charges there, what is to go to another one next, and what has a token of another one
--          $5 mode      text    test or live: the money that it moves; null when it does not say
-- RETURNS  the work on each payment that was claimed
-- WHY      When it commits, the gateway key is on disk, so the first byte may be sent.
--          It decides by the payment's own row alone: of that row the lock guarantees the latest version.
--          Rows are locked in the order of their ids, so two batches cannot lock each other out.
with target as (
  select p.id, p.status, p.status = 'PROCESSING' and p.lease_until is not null as is_takeover,
         -- The first claim, with no other event than those that lead to it.
         p.fence = 0 and (p.status = 'PENDING' and p.event_seq = 1 or p.status = 'QUEUED' and p.event_seq = 2) as is_plain
    from (select distinct id from unnest($1::text[]) as id order by id) request
   cross join lateral (
     select id, status, lease_until, fence, event_seq from payments
      where id = request.id
        and not needs_review
        and next_run_at <= clock_timestamp()
        and (status in ('PENDING', 'QUEUED')
             or status = 'PROCESSING' and (lease_until is null or lease_until < clock_timestamp()))
        and (gateway = $4::text or gateway is null or not attempt_open and parent_id is null)
        and coalesce(account, 'default') <> all(
              case when attempt_open or parent_id is not null
                   then (select accounts_closed_to($4::text, $5::text, false))::text[]
                   else (select accounts_closed_to($4::text, $5::text, true))::text[] end)
        -- A trigger empties it when its attempt begins.
        and coalesce(next_gateway, $4::text) = $4::text
        and (token_gateway is null or token_gateway = split_part($4::text, '@', 1))
        for update
   ) p
), claimed as (
  update payments p
     set status        = 'PROCESSING',
         fence         = p.fence + 1,
         claimed_fence = case when p.parent_id is not null or p.has_details or p.manual_capture or p.customer_present
                              or p.expires_at is not null then p.fence + 1 end,
         account_fence = case when p.account is not null then p.fence + 1 end,
         lease_owner   = $2::text,
         lease_until   = clock_timestamp() + $3::float8 * interval '1 millisecond',
         attempt_no    = p.attempt_no + case when p.attempt_open then 0 else 1 end,
         attempt_open  = true,
         gateway       = $4::text,
         first_sent_at = coalesce(case when p.attempt_open then p.first_sent_at end, clock_timestamp()),
         sends         = case when p.attempt_open then p.sends else 0 end + 1,
         takeovers     = case when p.attempt_open then p.takeovers else 0 end + target.is_takeover::int,
         resolves      = case when p.attempt_open then p.resolves else 0 end,
         queued_at     = case when target.is_plain and p.status = 'PENDING' then clock_timestamp() else p.queued_at end,
         queued_by     = case when target.is_plain and p.status = 'PENDING' then $2::text else p.queued_by end,
         claimed_at    = case when target.is_plain then clock_timestamp() else p.claimed_at end,
         claimed_by    = case when target.is_plain then $2::text else p.claimed_by end,
         event_seq     = p.event_seq + case when p.status = 'PENDING' then 2 else 1 end,
         updated_at    = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.parent_id, p.charge_ref, p.fence, p.attempt_no, p.gateway, p.amount, p.currency, p.retries, p.resolves, p.sends, p.takeovers,
         p.gateway_ref, p.first_sent_at, greatest(p.created_at, p.execute_at) as created_at, p.event_seq,
         target.status as from_status, target.is_takeover, p.has_details, p.manual_capture, p.customer_present, p.expires_at, p.account,
         p.waits_for, p.waits_until,
         p.claimed_at, target.is_plain
), attempt as (
  insert into payment_attempts as a
         (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers)
  select id, attempt_no, gateway, 'titan_' || id || '_' || attempt_no, amount, currency, fence,
         coalesce(case attempt_no when 1 then claimed_at end, clock_timestamp()), first_sent_at, sends, takeovers
    from claimed where not is_plain
      on conflict (payment_id, attempt_no) do update
     set fence         = excluded.fence,
         first_sent_at = excluded.first_sent_at,
         sends         = excluded.sends,
         takeovers     = excluded.takeovers
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq - 1, event_type(id, 'queued'), 'PENDING', 'QUEUED', $2::text, null::jsonb
    from claimed where from_status = 'PENDING' and not is_plain
   union all
  select id, event_seq, event_type(id, case when is_takeover then 'taken_over' else 'processing' end),
         case from_status when 'PENDING' then 'QUEUED' else from_status end, 'PROCESSING', $2::text,
         jsonb_build_object('attempt_no', attempt_no, 'fence', fence)
    from claimed where not is_plain
), note as (
  insert into webhook_outbox (payment_id, seq)
  select id, seq
    from claimed cross join (values (2, 'queued'), (3, 'processing')) written (seq, step)
   where is_plain and (seq = 3 or from_status = 'PENDING')
     and event_type(id, step) = any((select types from webhook_feed)::text[])
)
select id as payment_id, fence, attempt_no, gateway, 'titan_' || id || '_' || attempt_no as gateway_key, amount, currency,
       -- This claim counts as a send already; any other one may have left a request at the gateway.
       case sends when 1 then 'send' else 'resolve' end as mode,
       retries, resolves, takeovers, gateway_ref,
       extract(epoch from clock_timestamp() - first_sent_at)::float8 * 1000 as key_age_ms,
       extract(epoch from clock_timestamp() - created_at)::float8 * 1000 as age_ms,
       extract(epoch from expires_at - clock_timestamp())::float8 * 1000 as expires_in_ms,
       manual_capture, customer_present, account, to_jsonb(d) as details,
       case when parent_id is not null then (
         select jsonb_build_object('paymentId', c.id, 'gatewayKey', 'titan_' || c.id || '_' || c.attempt_no,
                                   -- A payment that has FAILED meanwhile has none; its attempt still names the charge.
                                   'gatewayRef', coalesce(claimed.charge_ref, c.gateway_ref, (
                                     select a.gateway_ref from payment_attempts a
                                      where a.payment_id = c.id and a.attempt_no = c.attempt_no)))
           from payments c where c.id = claimed.parent_id)
       end as charge,
       waits_for, waits_until, waits_until <= clock_timestamp() as is_wait_over,
       case when waits_for = 'capture' then exists (
         select from payments m
          where m.parent_id = claimed.id and m.status in ('PENDING', 'QUEUED', 'PROCESSING') and left(m.id, 4) <> 'ref_')
       end as is_being_moved
  from claimed
  left join payment_details d on d.payment_id = case when has_details then id end
