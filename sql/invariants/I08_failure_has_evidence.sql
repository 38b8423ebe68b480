-- FAILED has its evidence: the decline, the certainty that nothing was sent, or who canceled.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A decline is the gateway’s response to the current attempt. A decision by an operator names the operator,
--          and closes the current attempt where there is one: after a restore a charge may be known before any attempt
--          is. An authorization ends with its void, or when it expired and the gateway has canceled it.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Refund a charge that it turns out to have.
\set after ''
\set until ''

with payment as (
  select id, failure_code, failure_kind, attempt_no, event_seq
    from payments
   where status = 'FAILED' and id > :'after' and (:'until' = '' or id <= :'until')
), failure as (
  select p.*, a.payment_id is not null as has_attempt, a.outcome, a.takeovers, a.sends, e.actor, e.evidence,
         e.to_status is not distinct from 'FAILED' as has_event,
         exists (select from payments v where v.parent_id = p.id and v.status = 'SUCCESS' and v.id like 'void\_%') as is_voided
    from payment p
    left join attempt_history a on a.payment_id = p.id and a.attempt_no = p.attempt_no
    left join payment_history e on e.payment_id = p.id and e.seq = p.event_seq
)
select id as subject, 'FAILED without the evidence that its kind of failure needs' as detail
  from failure
 where failure_code is null or failure_kind is null
    or case failure_kind
         when 'hard_decline' then outcome is distinct from 'DECLINED'
         when 'soft_decline' then outcome is distinct from 'DECLINED'
         when 'operator' then has_attempt and outcome is distinct from 'DECLINED' or not has_attempt and attempt_no > 0
         when 'not_sent' then outcome is distinct from 'NOT_SENT' or takeovers > 0 or sends > 0
         else case failure_code
           when 'voided' then outcome is distinct from 'DECLINED' or not is_voided
           when 'expired' then has_attempt and (outcome is distinct from 'NOT_SENT' or takeovers > 0 or sends > 0)
           when 'authorization_expired' then outcome is distinct from 'DECLINED'
           when 'authentication_expired' then outcome is distinct from 'DECLINED'
           else has_attempt or attempt_no > 0
         end
       end
 union all
select id, 'FAILED by an operator, and no operator is on record'
  from failure
 where has_event and failure_kind = 'operator' and actor not like 'operator:%'
 union all
select id, 'FAILED without a reason in its event'
  from failure
 where has_event and not coalesce(evidence ?| array['code', 'reason', 'note'], false)
 union all
select id, 'FAILED for another reason than its event says'
  from failure
 where has_event and evidence ->> 'code' <> failure_code;
