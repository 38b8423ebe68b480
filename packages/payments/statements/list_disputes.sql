-- Reads the disputes about a payment, oldest first.
-- PARAMS   $1 payment_id  text  payment
-- RETURNS  each dispute
select gateway_ref as id, gateway, charge_ref, amount, currency, status, reason, respond_by, opened_at, updated_at
  from disputes where payment_id = $1::text
 order by opened_at, gateway_ref
