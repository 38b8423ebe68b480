-- Finds gateway keys that are no function of payment and attempt.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A derived key is the same after every crash.
select payment_id as id, 'a gateway key is not derived from payment and attempt' as what
  from payment_attempts
 where gateway_key <> 'titan_' || payment_id || '_' || attempt_no
   and payment_id > $1 and ($2::text is null or payment_id <= $2)
