-- Every payment is final or in review, and no job is left.
-- PARAMS   after, until: range of payment ids; every payment by default
--          settled: true when no payment is in flight any more
-- RETURNS  subject, detail
-- WHY      Only a PROCESSING payment is held for review: workers and pages skip any other one in review. The relay
--          takes a PENDING payment within seconds, so an hour means that no relay runs. After every fault is healed and
--          every queue is empty, nothing may be in flight but what waits for the merchant, the customer or the gateway.
-- ADVICE   Start the workers with their relay and reconciler, and run `titan doctor`.
-- NEEDS    settled
\set after ''
\set until ''
\set settled 'false'

select id as subject, 'in review, and not PROCESSING with an attempt that is unknown or was never sent' as detail
  from payments
 where needs_review and status in ('PENDING', 'QUEUED', 'PROCESSING')
   and (status <> 'PROCESSING' or unknown_since is null and not (attempt_open and sends = 0))
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'PENDING for more than an hour'
  from payments
 where status = 'PENDING' and greatest(least(next_run_at, created_at), execute_at) < clock_timestamp() - interval '1 hour'
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'neither final nor in review'
  from payments
 where :'settled' = 'true' and status not in ('SUCCESS', 'FAILED') and not needs_review and waits_for is null
   and id > :'after' and (:'until' = '' or id <= :'until');
