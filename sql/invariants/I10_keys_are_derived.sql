-- The gateway key is a function of payment and attempt, committed before the first byte was sent.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A derived key is the same after every crash.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Look for a charge under each gateway key.
\set after ''
\set until ''

select payment_id as subject, 'a gateway key is not derived from payment and attempt' as detail
  from attempt_history
 where gateway_key <> 'titan_' || payment_id || '_' || attempt_no
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until');
