-- Lists payments under a lease, those that are due first.
-- PARAMS   $1 row_limit  int  most rows
-- RETURNS  id, amount, currency, owner, fence, until, remaining_ms (negative once the lease ended), is_unknown
-- WHY      It reads the index of PROCESSING and no history.
select id, amount, currency, lease_owner as owner, fence, lease_until as until,
       (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as remaining_ms,
       unknown_since is not null as is_unknown
  from (select * from payments where status = 'PROCESSING' and not needs_review and waits_for is null
         order by next_run_at, id limit $1::int) few
 where lease_owner is not null and lease_until is not null
 order by lease_until, id
