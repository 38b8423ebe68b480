-- Finds records that name a payment which is not there.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A payment is never deleted. Events have no foreign key to it, and a foreign key can be dropped.
with payment as (
  select id from payments where id > $1 and ($2::text is null or id <= $2)
)
select distinct payment_id as id, 'an event names a payment that is not there' as what
  from payment_events
 where payment_id > $1 and ($2::text is null or payment_id <= $2)
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'an attempt names a payment that is not there'
  from payment_attempts
 where payment_id > $1 and ($2::text is null or payment_id <= $2)
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'a contradiction names a payment that is not there'
  from reconciliation_breaks
 where payment_id > $1 and ($2::text is null or payment_id <= $2)
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'a webhook event names a payment that is not there'
  from webhook_events
 where payment_id > $1 and ($2::text is null or payment_id <= $2)
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct target, 'an operator''s decision names a payment that is not there'
  from operator_actions
 where action = 'payment.resolve' and outcome ~ '^(SUCCESS|FAILED|RETRY)\M'
   and target > $1 and ($2::text is null or target <= $2)
   and not exists (select from payment p where p.id = target)
