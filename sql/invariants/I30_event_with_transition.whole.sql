-- Notes in the webhook outbox about an event that does not exist.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      A note is written in the transaction that writes its event.

select o.payment_id as subject, 'the outbox notes an event that does not exist' as detail
  from webhook_outbox o
 where not exists (select from payment_history e where e.payment_id = o.payment_id and e.seq = o.seq);
