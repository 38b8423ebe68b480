-- Finds payments in FAILED without the evidence that their kind of failure needs.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A decline is the gateway's answer to the current attempt. An operator's word needs an operator, and closes the
--          current attempt where there is one: after a restore a charge may be known before any attempt is.
with payment as (
  select id, failure_code, failure_kind, attempt_no, event_seq
    from payments
   where status = 'FAILED' and id > $1 and ($2::text is null or id <= $2)
), failure as (
  select p.*, a.payment_id is not null as has_attempt, a.outcome, a.takeovers, a.sends, e.actor, e.evidence,
         e.to_status is not distinct from 'FAILED' as is_told
    from payment p
    left join payment_attempts a on a.payment_id = p.id and a.attempt_no = p.attempt_no
    left join payment_events e on e.payment_id = p.id and e.seq = p.event_seq
)
select id, 'FAILED without the answer that its kind of failure needs' as what
  from failure
 where failure_code is null or failure_kind is null
    or case failure_kind
         when 'hard_decline' then outcome is distinct from 'DECLINED'
         when 'soft_decline' then outcome is distinct from 'DECLINED'
         when 'operator' then has_attempt and outcome is distinct from 'DECLINED' or not has_attempt and attempt_no > 0
         when 'not_sent' then outcome is distinct from 'NOT_SENT' or takeovers > 0 or sends > 0
         else has_attempt or attempt_no > 0
       end
 union all
select id, 'FAILED by an operator''s word, and no operator is on record'
  from failure
 where is_told and failure_kind = 'operator' and actor not like 'operator:%'
 union all
select id, 'FAILED without a reason in its event'
  from failure
 where is_told and not coalesce(evidence ?| array['code', 'reason', 'note'], false)
 union all
select id, 'FAILED for another reason than its event says'
  from failure
 where is_told and evidence ->> 'code' <> failure_code
