-- Finds payments whose time was over before their open or next attempt was sent.
-- PARAMS   $1 limit  int  most payments
-- RETURNS  id and gateway of each
-- WHY      Whether nothing was sent is decided by the claim that follows, which counts and locks.
select id as payment_id, gateway from payments
 where expires_at <= clock_timestamp() and expires_at is not null and status in ('PENDING', 'QUEUED') and attempt_no > 0
   and next_run_at <= clock_timestamp() and not needs_review and (not attempt_open or sends = 0)
 order by expires_at, id
 limit $1::int
