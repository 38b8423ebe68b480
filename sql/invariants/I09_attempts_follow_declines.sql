-- Finds attempts that do not count up from 1, or that began before the gateway had declined the one before.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A new key is safe only after the gateway has stored a decline under the one before.
with attempt as (
  select payment_id, attempt_no, outcome, decided_at, created_at, row_number() over turn as expected,
         lag(outcome) over turn as outcome_before, lag(decided_at) over turn as decided_before
    from payment_attempts
   where payment_id > $1 and ($2::text is null or payment_id <= $2)
  window turn as (partition by payment_id order by attempt_no)
), latest as (
  select payment_id, max(attempt_no) as attempt_no, count(*) filter (where outcome is null) as open
    from attempt
   group by payment_id
)
select distinct payment_id as id, 'an attempt out of turn' as what
  from attempt
 where attempt_no <> expected
    or expected > 1 and (outcome_before is distinct from 'DECLINED' or decided_before > created_at)
 union all
select p.id, 'its current attempt is not its latest one, or not as open'
  from payments p
  left join latest on latest.payment_id = p.id
 where p.id > $1 and ($2::text is null or p.id <= $2)
   and (p.attempt_no <> coalesce(latest.attempt_no, 0) or p.attempt_open::int <> coalesce(latest.open, 0))
 union all
select distinct payment_id, 'an attempt is decided without an outcome, or the other way round'
  from attempt
 where (outcome is null) <> (decided_at is null)
 union all
select a.payment_id, 'an attempt was never sent, and the payment is not FAILED'
  from attempt a
  join payments p on p.id = a.payment_id
 where a.outcome = 'NOT_SENT' and p.status <> 'FAILED'
   and p.id > $1 and ($2::text is null or p.id <= $2)
   and a.payment_id > $1 and ($2::text is null or a.payment_id <= $2)
