-- Attempts count up from 1, each after the gateway declined the one before; one is open at a time.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A new key is safe only after the gateway has stored a decline under the one before.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Look for a charge under each gateway key.
\set after ''
\set until ''

with attempt as (
  select payment_id, attempt_no, outcome, decided_at, created_at, row_number() over turn as expected,
         lag(outcome) over turn as outcome_before, lag(decided_at) over turn as decided_before
    from attempt_history
   where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
  window turn as (partition by payment_id order by attempt_no)
), latest as (
  select payment_id, max(attempt_no) as attempt_no, count(*) filter (where outcome is null) as open
    from attempt
   group by payment_id
)
select distinct payment_id as subject, 'an attempt out of turn' as detail
  from attempt
 where attempt_no <> expected
    or expected > 1 and (outcome_before is distinct from 'DECLINED' or decided_before > created_at)
 union all
select p.id, 'its current attempt is not its latest one, or not as open'
  from payments p
  left join latest on latest.payment_id = p.id
 where p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and (p.attempt_no <> coalesce(latest.attempt_no, 0) or p.attempt_open::int <> coalesce(latest.open, 0))
 union all
select distinct payment_id, 'an attempt is decided without an outcome, or has an outcome and no decision'
  from attempt
 where (outcome is null) <> (decided_at is null)
 union all
select a.payment_id, 'an attempt was never sent, and the payment is not FAILED'
  from attempt a
  join payments p on p.id = a.payment_id
 where a.outcome = 'NOT_SENT' and p.status <> 'FAILED'
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and a.payment_id > :'after' and (:'until' = '' or a.payment_id <= :'until');
