-- Explains why payments could not be claimed.
-- PARAMS   $1 ids      text[]  payments that the claim left out
--          $2 gateway  text    gateway of the claim
-- RETURNS  status, reason and milliseconds until a claim may succeed, for each payment that exists
select id, status,
       case
         when status in ('SUCCESS', 'FAILED') then 'terminal'
         when needs_review then 'needs_review'
         when (attempt_open or parent_id is not null) and gateway is distinct from $2::text then 'other_gateway'
         when lease_until >= clock_timestamp() then 'leased'
         else 'not_due'
       end as reason,
       greatest(0, ceil(extract(epoch from greatest(lease_until, next_run_at) - clock_timestamp()) * 1000))::float8
         as wait_ms
  from payments
 where id = any($1::text[])
