-- Finds payments that count their sends otherwise than their current attempt does.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      The age of a key counts from the first send, and an attempt without a send is sent instead of asked about.
select p.id, 'sends or the first send differ from its current attempt' as what
  from payments p
  join payment_attempts a on a.payment_id = p.id and a.attempt_no = p.attempt_no
 where (p.sends, p.first_sent_at) is distinct from (a.sends, a.first_sent_at)
   and a.payment_id > $1 and ($2::text is null or a.payment_id <= $2)
   and p.id > $1 and ($2::text is null or p.id <= $2)
