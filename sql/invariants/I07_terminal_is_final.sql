-- Finds payments with a step after their end, or an end that is not one.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A final payment is in no hands: no review, no open attempt, no unknown outcome. A lease may be left over
--          from a worker that was gone when an operator decided, but none may begin later.
select payment_id as id, 'an event after SUCCESS or FAILED' as what
  from payment_events
 where payment_id > $1 and ($2::text is null or payment_id <= $2)
 group by payment_id
having min(seq) filter (where to_status in ('SUCCESS', 'FAILED')) < max(seq)
    or bool_or(from_status in ('SUCCESS', 'FAILED'))
 union all
select id, 'final, and still in review, open, unknown or leased'
  from payments
 where status in ('SUCCESS', 'FAILED') and id > $1 and ($2::text is null or id <= $2)
   and (needs_review or attempt_open or unknown_since is not null or lease_until > updated_at)
 union all
select id, 'a failure is on record, and the payment is not FAILED'
  from payments
 where status <> 'FAILED' and (failure_code is not null or failure_kind is not null)
   and id > $1 and ($2::text is null or id <= $2)
 union all
select id, 'FAILED, and a charge is on record as its own'
  from payments
 where status = 'FAILED' and gateway_ref is not null and id > $1 and ($2::text is null or id <= $2)
