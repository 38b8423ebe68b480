-- Finds notes in the webhook outbox about an event that is not there.
-- SCOPE    database
-- PARAMS   none
-- RETURNS  id, what
-- WHY      A note is written in the transaction that writes its event.
select o.payment_id as id, 'the outbox notes an event that is not there' as what
  from webhook_outbox o
 where not exists (select from payment_events e where e.payment_id = o.payment_id and e.seq = o.seq)
