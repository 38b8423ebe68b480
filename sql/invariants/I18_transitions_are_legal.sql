-- Finds payments with a transition that the state machine does not have, or a state that none leads to.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
--          $3 legal: the transitions, each as FROM>TO
-- RETURNS  id, what
-- WHY      The triggers refuse such a step, unless they are off. A step after the end is a breach of I07.
select distinct payment_id as id, 'an illegal transition' as what
  from payment_events
 where coalesce(from_status, '') not in ('SUCCESS', 'FAILED')
   and (coalesce(from_status, ''), to_status) not in (
         select split_part(step, '>', 1), split_part(step, '>', 2) from unnest($3::text[]) step)
   and payment_id > $1 and ($2::text is null or payment_id <= $2)
 union all
select id, 'not under way, and yet with a charge or an unknown outcome'
  from payments
 where status in ('PENDING', 'QUEUED') and id > $1 and ($2::text is null or id <= $2)
   and (gateway_ref is not null or unknown_since is not null or late_charge_ref is not null)
 union all
select id, 'PENDING, and yet with a claim or an attempt'
  from payments
 where status = 'PENDING' and (fence <> 0 or attempt_no <> 0 or attempt_open) and id > $1 and ($2::text is null or id <= $2)
 union all
select id, 'PROCESSING without a claim'
  from payments
 where status = 'PROCESSING' and fence < 1 and id > $1 and ($2::text is null or id <= $2)
