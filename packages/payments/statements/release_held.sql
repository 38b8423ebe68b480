-- Releases the payments of an account that were held while it was paused.
-- PARAMS   $1 account  text  the account, resumed by this transaction
-- RETURNS  the number of payments
-- WHY      They have been due since they were accepted, so the relay and the reconciler find them at once.
with held as (
  -- One index for each status has them together.
  select id, account from payments where status = 'PENDING' and next_run_at = held_until()
   union all
  select id, account from payments where status = 'QUEUED' and next_run_at = held_until()
   union all
  select id, account from payments where status = 'PROCESSING' and not needs_review and next_run_at = held_until()
), released as (
  update payments p
     set next_run_at = greatest(p.created_at, p.execute_at)
    from held
   where p.id = held.id and coalesce(held.account, 'default') = $1::text
  returning p.id
)
select count(*) as count from released
