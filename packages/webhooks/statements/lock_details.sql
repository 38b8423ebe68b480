-- Reads what payments said of themselves, for the bodies of webhooks.
-- PARAMS   $1 payment_ids  text[]  payments with details
-- RETURNS  the members that webhooks repeat; null when they were erased
-- WHY      Locked: an erasure waits until the bodies are stored, and blanks them too. Tokens of gateways are not repeated.
select payment_id, reference, description, statement_descriptor, metadata
  from payment_details
 where payment_id = any($1::text[])
 order by payment_id
   for share
