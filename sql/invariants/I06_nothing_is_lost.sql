-- Every payment that left a trace, in the history, in webhooks, in the queue or at the gateway, exists.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A payment is never deleted. Events have no foreign key to it, and a foreign key can be dropped.
-- ADVICE   Restore the row from a backup. After a restore, refund what the gateway charged for it.
\set after ''
\set until ''

with payment as (
  select id from payments where id > :'after' and (:'until' = '' or id <= :'until')
)
select distinct payment_id as subject, 'an event names a payment that does not exist' as detail
  from payment_history
 where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'an attempt names a payment that does not exist'
  from attempt_history
 where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'a contradiction names a payment that does not exist'
  from reconciliation_breaks
 where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct payment_id, 'a webhook event names a payment that does not exist'
  from webhook_events
 where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
   and not exists (select from payment p where p.id = payment_id)
 union all
select distinct target, 'an operator''s decision names a payment that does not exist'
  from operator_actions
 where action = 'payment.resolve' and outcome ~ '^(SUCCESS|FAILED|RETRY)\M'
   and target > :'after' and (:'until' = '' or target <= :'until')
   and not exists (select from payment p where p.id = target);
