-- Finds payments with more than one successful attempt.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      Each successful attempt is one captured charge under a key of its own.
select payment_id as id, 'more than one attempt succeeded' as what
  from payment_attempts
 where outcome = 'SUCCEEDED' and payment_id > $1 and ($2::text is null or payment_id <= $2)
 group by payment_id
having count(*) > 1
