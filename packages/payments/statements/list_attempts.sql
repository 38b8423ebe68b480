-- Reads the attempts of a payment.
-- PARAMS   $1 payment_id  text  payment
-- RETURNS  the attempts in their order
select payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
       outcome, gateway_ref, last_error, decided_at
  from attempt_history
 where payment_id = $1::text
 order by attempt_no
