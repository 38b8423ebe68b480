-- Nothing happens to a payment after SUCCESS or FAILED.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A final payment has no review, no open attempt and no unknown outcome. A lease may be left from a worker
--          that was gone when an operator decided, but none may begin later. A refund may fail after its success, and
--          a charge may be disputed: they keep their status.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

select payment_id as subject, 'an event after SUCCESS or FAILED' as detail
  from payment_history
 where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   and (type, from_status, to_status) is distinct from ('refund.failed', 'SUCCESS', 'SUCCESS')
   and not (type like 'dispute.%' and from_status = to_status)
 group by payment_id
having min(seq) filter (where to_status in ('SUCCESS', 'FAILED')) < max(seq)
    or bool_or(from_status in ('SUCCESS', 'FAILED'))
 union all
select id, 'final, and still in review, open, unknown or leased'
  from payments
 where status in ('SUCCESS', 'FAILED') and id > :'after' and (:'until' = '' or id <= :'until')
   and (needs_review or attempt_open or unknown_since is not null or lease_until > updated_at)
 union all
select id, 'a failure is on record, and the payment is not FAILED'
  from payments
 where status <> 'FAILED' and (failure_code is not null or failure_kind is not null)
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'FAILED, and a charge is on record as its own'
  from payments
 where status = 'FAILED' and gateway_ref is not null and id > :'after' and (:'until' = '' or id <= :'until');
