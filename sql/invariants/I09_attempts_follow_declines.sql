-- Attempts count up from 1, each after the one before was declined, or never sent to another gateway; one is open at a time.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A new key is safe only after the gateway has stored a decline under the one before, or when nothing was ever sent
--          under it: then another gateway gets the next one.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Look for a charge under each gateway key.
\set after ''
\set until ''

with attempt as (
  select payment_id, attempt_no, outcome, decided_at, created_at, row_number() over turn as expected,
         lag(outcome) over turn as outcome_before, lag(decided_at) over turn as decided_before,
         lag(sends + takeovers) over turn as sends_before, lag(gateway) over turn as gateway_before, gateway
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
    or expected > 1
       and (decided_before > created_at or outcome_before is null
            or outcome_before <> 'DECLINED'
               and not (outcome_before = 'NOT_SENT' and sends_before = 0 and gateway_before <> gateway))
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
select a.payment_id, 'an attempt was never sent, and neither has the payment failed nor is another gateway next'
  from attempt a
  join payments p on p.id = a.payment_id
 where a.outcome = 'NOT_SENT' and p.status <> 'FAILED' and a.attempt_no = p.attempt_no and p.next_gateway is null
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and a.payment_id > :'after' and (:'until' = '' or a.payment_id <= :'until');
