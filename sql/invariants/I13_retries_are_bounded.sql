-- Retries stay within their budget, and a hard decline gets none.
-- PARAMS   after, until: range of payment ids; every payment by default
--          max_retries: retry budget of a payment
-- RETURNS  subject, detail
-- WHY      An attempt that the gateway refused for a fault of our own request closes its key and uses up no retry.
-- ADVICE   Give --max-retries the value of the workers; otherwise look for a worker of another version.
\set after ''
\set until ''
\set max_retries '5'

with refusal as (
  select payment_id, count(*) as count
    from payment_history
   where type like '%.retrying' and evidence ->> 'outcome' = 'REJECTED'
     and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   group by payment_id
)
select id as subject, 'more retries than the budget' as detail
  from payments
 where (retries > :'max_retries'::int or retries < 0) and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select p.id, 'more attempts than retries and refusals explain'
  from payments p
  left join refusal on refusal.payment_id = p.id
 where p.attempt_no > p.retries + 1 + coalesce(refusal.count, 0)
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select distinct payment_id, 'a retry after a hard decline'
  from payment_history
 where type like '%.retrying' and evidence ->> 'kind' = 'hard'
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until');
