-- At most one captured charge per payment.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      Each successful attempt is one captured charge under its own gateway key.
-- ADVICE   Refund every charge but one at the gateway, and record it with `titan payments refund`.
-- NEEDS    ledger
\set after ''
\set until ''

select payment_id as subject, 'more than one attempt succeeded' as detail
  from attempt_history
 where outcome = 'SUCCEEDED' and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 group by payment_id
having count(*) > 1;
