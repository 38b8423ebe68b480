-- Explains why payments could not be claimed.
-- PARAMS   $1 ids      text[]  payments that the claim left out
--          $2 gateway  text    gateway of the claim
-- RETURNS  status, reason and milliseconds until a claim may succeed, for each payment that exists; for other_gateway the
--          milliseconds for which it has been due: a claim by a worker of that gateway may succeed now
select id, status, reason, greatest(0, case reason when 'other_gateway' then -wait_ms else ceil(wait_ms) end)::float8 as wait_ms
  from (
    select id, status,
           case
             when status in ('SUCCESS', 'FAILED') then 'terminal'
             when needs_review then 'needs_review'
             when lease_until >= clock_timestamp() then 'leased'
             when (attempt_open or parent_id is not null) and gateway is distinct from $2::text
                  and next_run_at <= clock_timestamp() then 'other_gateway'
             else 'not_due'
           end as reason,
           extract(epoch from greatest(lease_until, next_run_at) - clock_timestamp()) * 1000 as wait_ms
      from payments
     where id = any($1::text[])
  ) skipped
