-- Reads the latest events of a payment.
-- PARAMS   $1 payment_id  text  payment
--          $2 limit       int   most events
-- RETURNS  the events in the order of seq
select payment_id, seq, type, from_status, to_status, actor, evidence, at
  from (select payment_id, seq, type, from_status, to_status, actor, evidence, at from payment_history where payment_id = $1::text
         order by seq desc limit $2::int) latest
 order by seq
