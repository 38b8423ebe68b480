-- Finds payments whose attempt is for another amount, currency or gateway.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      What is sent under a key never changes.
select p.id, 'an attempt of another amount or currency' as what
  from payment_attempts a
  join payments p on p.id = a.payment_id
 where (a.amount, a.currency) is distinct from (p.amount, p.currency)
   and a.payment_id > $1 and ($2::text is null or a.payment_id <= $2)
   and p.id > $1 and ($2::text is null or p.id <= $2)
 union all
select p.id, 'its current attempt is at another gateway'
  from payment_attempts a
  join payments p on p.id = a.payment_id and p.attempt_no = a.attempt_no
 where a.gateway is distinct from p.gateway
   and a.payment_id > $1 and ($2::text is null or a.payment_id <= $2)
   and p.id > $1 and ($2::text is null or p.id <= $2)
