-- Reads what decides at which gateway each payment is worked on next.
-- PARAMS   $1 ids  text[]  payments, captures, voids and refunds
-- RETURNS  for each that exists: the one gateway of its open attempt, of the charge that it is about, or where its next attempt
--          begins; null when that may be any, or when it cannot be claimed; what its route depends on; whether it may leave its
--          gateway, because certainly nothing was sent there; milliseconds for which it has been due, and for which it is as it is
-- WHY      Only programs with several gateways ask: the claim of the others needs no read before it.
select id,
       -- The claim of one that cannot be claimed says why not, at whichever gateway.
       case when status in ('PENDING', 'QUEUED', 'PROCESSING') and not needs_review and next_run_at <= clock_timestamp()
                 and (lease_until is null or lease_until < clock_timestamp())
            then case when attempt_open or parent_id is not null then gateway
                      -- Where it may begin by now; the claim there has it put right.
                      when next_gateway is not null then coalesce(
                        (select c.place from gateway_credentials c
                          where c.account = owner.account and c.ended_at is null
                            and c.gateway = coalesce(token_gateway, split_part(next_gateway, '@', 1))),
                        token_gateway, split_part(next_gateway, '@', 1)) end
       end as gateway,
       case when attempt_no > 0 and not attempt_open and next_gateway is null then gateway end as last_gateway,
       parent_id is null as is_charge, status = 'QUEUED' and takeovers = 0 and parent_id is null as may_leave,
       owner.account, (select a.mode from accounts a where a.id = owner.account) as account_mode, amount, currency,
       case when has_details then (select d.payment_method from payment_details d where d.payment_id = p.id) end as payment_method,
       token_gateway,
       greatest(0, extract(epoch from clock_timestamp() - greatest(next_run_at, lease_until)) * 1000)::float8 as overdue_ms,
       greatest(0, extract(epoch from clock_timestamp() - greatest(least(next_run_at, updated_at), lease_until)) * 1000)::float8
         as unchanged_ms
  from payments p
 cross join lateral (
   select coalesce(p.account, (select c.account from payments c where c.id = p.parent_id), 'default') as account) owner
 where id = any($1::text[])
