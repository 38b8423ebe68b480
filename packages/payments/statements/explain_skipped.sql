-- Explains why payments could not be claimed.
-- PARAMS   $1 ids      text[]  payments that the claim left out
--          $2 gateway  text    gateway of the claim
--          $3 mode     text    test or live: the money that it moves; null when it does not say
-- RETURNS  status, reason and milliseconds until a claim may succeed, for each payment that exists; for a reason that begins
--          with other_ the milliseconds for which it has been due: a claim by another worker may succeed now
select id, status, reason,
       greatest(0, case when left(reason, 6) = 'other_' then -wait_ms else ceil(wait_ms) end)::float8 as wait_ms
  from (
    select id, status,
           case
             when status in ('SUCCESS', 'FAILED') then 'terminal'
             when needs_review then 'needs_review'
             when lease_until >= clock_timestamp() then 'leased'
             when next_run_at <= clock_timestamp()
                  and ((attempt_open or parent_id is not null) and gateway is distinct from $2::text
                       or next_gateway <> $2::text or token_gateway <> split_part($2::text, '@', 1)) then 'other_gateway'
             when next_run_at > clock_timestamp() then 'not_due'
             when coalesce(account, 'default') in (select a.id from accounts a where a.paused_at is not null) then 'account_paused'
             when coalesce(account, 'default') in (select a.id from accounts a where a.mode <> $3::text) then 'other_mode'
             when coalesce(account, 'default') = any((
                    select accounts_closed_to($2::text, $3::text, not attempt_open and parent_id is null))::text[])
               then 'other_credentials'
             else 'not_due'
           end as reason,
           extract(epoch from greatest(lease_until, next_run_at) - clock_timestamp()) * 1000 as wait_ms
      from payments
     where id = any($1::text[])
  ) skipped
