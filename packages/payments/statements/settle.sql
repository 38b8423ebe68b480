-- Writes the results of claims: the payment, its attempt, the event, and a reconciliation break where there is one.
-- The success of a first send is part of the payment's row.
-- PARAMS   $1 settlements  text  payment_settlement_3[] as text
-- RETURNS  id and fence of each result that was written
-- WHY      The fence is compared under the row lock: a result whose claim is no longer the payment's changes nothing.
with settlement as (
  -- A capture, void or refund that ends changes its payment too: the rows of both are locked, in the order of their ids.
  select result.*, locked.id as locked_id, locked.is_own
    from unnest($1::text::payment_settlement_3[]) result
   cross join lateral (
     select result.id, true as is_own
      union all
     select parent_id, false from payments where id = result.id and left(result.id, 4) <> 'pay_'
   ) locked
   order by locked.id
), target as (
  select settlement.*
    from settlement
   cross join lateral (
     select id from payments
      where id = settlement.locked_id
        and (not settlement.is_own or fence = settlement.fence and status = 'PROCESSING'
        -- A settled claim has no lease, so the same settlement is never written twice.
        and lease_until is not null
        -- A success is for exactly what the client asked.
        and (settlement.status <> 'SUCCESS'
             or amount = settlement.charged_amount and currency = settlement.charged_currency)
        -- "Never sent" closes an attempt only when no other claim can have sent, or can still send, under its key; and
        -- another attempt may follow only under a lease that is still held.
        and (settlement.outcome is distinct from 'NOT_SENT'
             or takeovers = 0 and sends = 1 and settlement.unsent = 1
                and (settlement.status = 'FAILED' or lease_until > clock_timestamp()))
        -- While a charge is on record there is nothing to retry and nothing that failed.
        and (late_charge_ref is null and open_charges = 0 or settlement.status = 'SUCCESS' or settlement.review))
        for update
   ) p
), moved as (
  update payments p
     set status        = target.status,
         lease_owner   = null,
         lease_until   = null,
         attempt_open  = target.outcome is null,
         retries       = p.retries + target.counts_retry,
         -- Of a payment that waits it counts the polls, and each begins with as many takeovers left.
         resolves      = case when target.unknown or target.waits_for = p.waits_for then p.resolves + target.counts_resolve else 0 end,
         takeovers     = case when target.waits_for is null then p.takeovers else 0 end,
         unknown_since = case when target.unknown then coalesce(p.unknown_since, clock_timestamp()) end,
         needs_review  = target.review,
         waits_for     = target.waits_for,
         waits_until   = case when target.waits_for is not null then coalesce(
           target.waits_until, clock_timestamp() + target.wait_ms * interval '1 millisecond') end,
         -- The next poll, or the end of the wait.
         next_run_at   = least(clock_timestamp() + target.delay_ms * interval '1 millisecond',
                               case when target.waits_until > clock_timestamp() then target.waits_until end,
                               case when target.waits_until is null then clock_timestamp() + target.wait_ms * interval '1 millisecond' end),
         failure_code  = target.failure_code,
         failure_kind  = target.failure_kind,
         gateway_ref   = case when target.status in ('SUCCESS', 'PROCESSING') then coalesce(target.gateway_ref, p.gateway_ref) end,
         sends         = p.sends - target.unsent,
         first_sent_at = case when p.sends > target.unsent then p.first_sent_at end,
         next_gateway  = target.next_gateway,
         event_seq     = p.event_seq + 1,
         ended_at      = case
           -- What the columns cannot say exactly is a row.
           when p.event_seq = 3 and p.claimed_by = target.actor and p.fence = 1 and p.sends = 1 and p.takeovers = 0
                and target.event = event_type(p.id, 'succeeded') and target.status = 'SUCCESS' and target.outcome = 'SUCCEEDED'
                and target.unsent = 0 and target.break_kind is null
                and target.evidence = jsonb_build_object('attempt_no', 1, 'mode', 'send', 'outcome', 'SUCCEEDED',
                                                         'gateway_ref', target.gateway_ref)
             then clock_timestamp()
         end,
         updated_at    = clock_timestamp()
    from target
   where p.id = target.id and target.is_own
returning p.id, p.fence, p.attempt_no, p.event_seq, p.status as to_status, p.sends, p.first_sent_at, target.outcome, target.gateway_ref,
         target.break_kind, target.event, target.actor, target.evidence, p.gateway, p.amount, p.currency, p.takeovers, p.claimed_at,
         p.ended_at is not null as is_plain
), attempt as (
  insert into payment_attempts as a
         (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
          outcome, decided_at, gateway_ref, last_error)
  select id, attempt_no, gateway, 'titan_' || id || '_' || attempt_no, amount, currency, fence,
         coalesce(case attempt_no when 1 then claimed_at end, clock_timestamp()), first_sent_at, sends, takeovers,
         outcome, case when outcome is not null then clock_timestamp() end, gateway_ref,
         coalesce(evidence ->> 'reason', evidence ->> 'code')
    from moved where not is_plain
      on conflict (payment_id, attempt_no) do update
     set outcome       = excluded.outcome,
         decided_at    = excluded.decided_at,
         gateway_ref   = coalesce(excluded.gateway_ref, a.gateway_ref),
         last_error    = excluded.last_error,
         sends         = excluded.sends,
         first_sent_at = excluded.first_sent_at
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event, 'PROCESSING', to_status, actor, evidence from moved where not is_plain
), note as (
  insert into webhook_outbox (payment_id, seq)
  select id, 4 from moved where is_plain and event = any((select types from webhook_feed)::text[])
), contradiction as (
  insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
  select break_kind, id, gateway, coalesce(gateway_ref, 'titan_' || id || '_' || attempt_no), evidence
    from moved where break_kind is not null
      on conflict (kind, gateway, reference) do nothing
)
select id, fence from moved
