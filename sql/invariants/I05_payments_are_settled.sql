-- Finds payments that are neither final nor in review.
-- SCOPE    settled
-- PARAMS   none
-- RETURNS  id, what
-- WHY      After every fault is healed and every queue is empty, nothing may be left under way.
select id, 'neither final nor in review' as what
  from payments
 where status not in ('SUCCESS', 'FAILED') and not needs_review
