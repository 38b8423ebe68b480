-- Finds payments with more retries or attempts than their budget allows, or a retry after a hard decline.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
--          $3 max_retries: retries that a payment may have used
-- RETURNS  id, what
-- WHY      An attempt that the gateway refused for a fault of our own request closes its key and uses up no retry.
with refusal as (
  select payment_id, count(*) as count
    from payment_events
   where type = 'payment.retrying' and evidence ->> 'outcome' = 'REJECTED'
     and payment_id > $1 and ($2::text is null or payment_id <= $2)
   group by payment_id
)
select id, 'more retries than the budget' as what
  from payments
 where (retries > $3::int or retries < 0) and id > $1 and ($2::text is null or id <= $2)
 union all
select p.id, 'more attempts than retries and refusals explain'
  from payments p
  left join refusal on refusal.payment_id = p.id
 where p.attempt_no > p.retries + 1 + coalesce(refusal.count, 0)
   and p.id > $1 and ($2::text is null or p.id <= $2)
 union all
select distinct payment_id, 'a retry after a hard decline'
  from payment_events
 where type = 'payment.retrying' and evidence ->> 'kind' = 'hard'
   and payment_id > $1 and ($2::text is null or payment_id <= $2)
