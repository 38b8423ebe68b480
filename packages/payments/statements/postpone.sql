-- Postpones payments whose job is not lost, so that another full age passes before they are examined again.
-- PARAMS   $1 ids  text[]  payments
-- RETURNS  nothing
update payments set next_run_at = clock_timestamp()
 where id = any($1::text[]) and status in ('QUEUED', 'PROCESSING')
   and (lease_until is null or lease_until < clock_timestamp()) and next_run_at < clock_timestamp()
