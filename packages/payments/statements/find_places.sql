-- Reads what decides at which gateway each payment is worked on next.
-- PARAMS   $1 ids  text[]  payments, captures, voids and refunds
-- RETURNS  for each that exists: its account; the one gateway of its open attempt, or of the charge that it is about; null when a new
--          attempt may begin at any, or when it cannot be claimed; milliseconds for which it has been due
-- WHY      Only programs with several gateways ask: the claim of the others needs no read before it.
select p.id, coalesce(p.account, parent.account, 'default') as account,
       -- The claim of one that cannot be claimed says why not, at whichever gateway.
       case when (p.attempt_open or p.parent_id is not null) and p.status in ('PENDING', 'QUEUED', 'PROCESSING')
                 and not p.needs_review and p.next_run_at <= clock_timestamp()
                 and (p.lease_until is null or p.lease_until < clock_timestamp())
            then p.gateway end as gateway,
       greatest(0, extract(epoch from clock_timestamp() - greatest(p.next_run_at, p.lease_until)) * 1000)::float8 as overdue_ms
  from payments p
  left join payments parent on parent.id = p.parent_id
 where p.id = any($1::text[])
