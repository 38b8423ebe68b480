-- Finds a refund that was recorded before.
-- PARAMS   $1 id           text  payment
--          $2 gateway_ref  text  the gateway's id of the charge
--          $3 refund_ref   text  the gateway's id of the refund
-- RETURNS  whether the payment FAILED with it, or nothing
select p.status = 'FAILED' and p.failure_code = 'refunded' as is_failed
  from reconciliation_breaks b join payments p on p.id = b.payment_id
 where b.payment_id = $1::text and b.reference = $2::text and b.refund_ref = $3::text
