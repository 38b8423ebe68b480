-- Finds payments that nothing will bring to an end.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      Only a PROCESSING payment is parked: any other one in review is skipped by every worker and every page.
--          The relay takes a PENDING payment within seconds, so an hour means that no relay runs.
select id, 'in review, and not PROCESSING with an unknown outcome' as what
  from payments
 where needs_review and status in ('PENDING', 'QUEUED', 'PROCESSING') and (status <> 'PROCESSING' or unknown_since is null)
   and id > $1 and ($2::text is null or id <= $2)
 union all
select id, 'PENDING for more than an hour'
  from payments
 where status = 'PENDING' and least(next_run_at, created_at) < clock_timestamp() - interval '1 hour'
   and id > $1 and ($2::text is null or id <= $2)
