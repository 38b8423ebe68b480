-- Claims payments that are due for the first time: fence 1, a lease, the first attempt with its gateway key, the events.
-- PARAMS   $1 ids       text[]  payments to claim
--          $2 owner     text    who claims: shown, never compared
--          $3 lease_ms  float8  length of the lease by the clock of the database
--          $4 gateway   text    gateway of the attempt
--          $5 mode      text    test or live: the money that it moves; null when it does not say
-- RETURNS  the work on each payment that was claimed, as far as a first claim has any
-- WHY      Nearly all claims are of this kind, and write one row: claim.sql pays for all that others need.
--          When it commits, the gateway key is on disk, so the first byte may be sent.
--          It decides by the payment's own row alone, which is read again after a wait for its lock.
--          Rows are locked in the order of their ids, so two batches cannot lock each other out.
with claimed as (
  update payments p
     set status        = 'PROCESSING',
         fence         = 1,
         claimed_fence = case when p.has_details or p.manual_capture or p.customer_present or p.expires_at is not null then 1 end,
         account_fence = case when p.account is not null then 1 end,
         lease_owner   = $2::text,
         lease_until   = clock_timestamp() + $3::float8 * interval '1 millisecond',
         attempt_no    = 1,
         attempt_open  = true,
         gateway       = $4::text,
         first_sent_at = clock_timestamp(),
         sends         = 1,
         queued_at     = case p.status when 'PENDING' then clock_timestamp() else p.queued_at end,
         queued_by     = case p.status when 'PENDING' then $2::text else p.queued_by end,
         claimed_at    = clock_timestamp(),
         claimed_by    = $2::text,
         event_seq     = 3,
         updated_at    = clock_timestamp()
    from (select distinct id from unnest($1::text[]) as id order by id) request
   where p.id = request.id and p.parent_id is null and p.fence = 0 and p.attempt_no = 0
     -- No other event than those that lead to it. Not written plainly: no index of a status should seem to fit.
     and p.event_seq = case p.status when 'PENDING' then 1 when 'QUEUED' then 2 end
     and not p.needs_review and p.next_run_at <= clock_timestamp()
     and (p.gateway = $4::text or p.gateway is null)
     and (p.token_gateway is null or p.token_gateway = split_part($4::text, '@', 1))
     and coalesce(p.account, 'default') <> all((select accounts_closed_to($4::text, $5::text, true))::text[])
  returning p.id, p.amount, p.currency, greatest(p.created_at, p.execute_at) as created_at, p.expires_at,
            p.manual_capture, p.customer_present, p.account,
            case when p.has_details then (select to_jsonb(d) from payment_details d where d.payment_id = p.id) end as details,
            -- A payment that was queued before was queued by another one.
            case when (select types && '{payment.queued,payment.processing}' from webhook_feed)
              then note_events(p.id, case p.queued_by when $2::text then 2 else 3 end, 3) end as is_noted
)
select id as payment_id, amount, currency,
       extract(epoch from clock_timestamp() - created_at)::float8 * 1000 as age_ms,
       extract(epoch from expires_at - clock_timestamp())::float8 * 1000 as expires_in_ms,
       manual_capture, customer_present, account, details
  from claimed
