-- Reads what decides at which gateway each payment is worked on next.
-- PARAMS   $1 ids  text[]  payments, captures, voids and refunds
-- RETURNS  for each that exists: the one gateway of its open attempt, or of the charge that it is about; null when a new
--          attempt may begin at any, or when it cannot be claimed; milliseconds for which it has been due
-- WHY      Only programs with several gateways ask: the claim of the others needs no read before it.
select id,
       -- The claim of one that cannot be claimed says why not, at whichever gateway.
       case when (attempt_open or parent_id is not null) and status in ('PENDING', 'QUEUED', 'PROCESSING') and not needs_review
                 and next_run_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
            then gateway end as gateway,
       greatest(0, extract(epoch from clock_timestamp() - greatest(next_run_at, lease_until)) * 1000)::float8 as overdue_ms
  from payments
 where id = any($1::text[])
