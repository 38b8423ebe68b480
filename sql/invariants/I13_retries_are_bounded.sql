-- Retries stay within their budget, and a hard decline gets none.
-- PARAMS   after, until: range of payment ids; every payment by default
--          max_retries: retry budget of a payment
-- RETURNS  subject, detail
-- WHY      An attempt that the gateway refused for a fault of our own request closes its key and uses up no retry, and so does
--          one that another gateway follows at once. No gateway may see again what the bank or its owner has blocked.
-- ADVICE   Give --max-retries the value of the workers; otherwise look for a worker of another version.
\set after ''
\set until ''
\set max_retries '5'

with refusal as (
  select payment_id, count(*) as count
    from payment_history
   where type like '%.retrying'
     and (evidence ->> 'outcome' = 'REJECTED'
          or evidence ? 'next_gateway' and (evidence ->> 'is_new_round' = 'false' or evidence ->> 'fault' <> 'network'))
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
   and not (evidence ? 'next_gateway' and evidence ->> 'code' in ('card_not_supported', 'currency_not_supported'))
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 union all
select distinct payment_id, 'another gateway after a decline that is the same at each'
  from payment_history
 where type like '%.retrying' and evidence ? 'next_gateway' and evidence ->> 'outcome' = 'DECLINED'
   and evidence ->> 'code' not in (
     'card_not_supported', 'currency_not_supported', 'issuer_not_available', 'processing_error', 'reenter_transaction',
     'try_again_later', 'approve_with_id', 'do_not_honor', 'generic_decline')
   -- Repeated later, as one gateway alone would be.
   and not (evidence ->> 'kind' = 'soft' and evidence ->> 'is_new_round' = 'true')
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 union all
select distinct payment_id, 'another gateway after an attempt that may have been sent before'
  from payment_history
 where type like '%.retrying' and evidence ? 'next_gateway' and evidence ->> 'mode' <> 'send'
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until');
