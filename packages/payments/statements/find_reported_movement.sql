-- Finds the movement of a payment that a gateway reports by its own id.
-- PARAMS   $1 payment_id   text  payment, locked by this transaction
--          $2 kind         text  capture, void or refund
--          $3 gateway_ref  text  the gateway's id
-- RETURNS  the movement that has this id; a capture or void that is under way, which may be the one reported
select m.id, movement_kind(m.id) as kind, parent_id as payment_id, amount, currency, status,
       split_part(idempotency_key, ' ', 3) as idempotency_key, d.description as reason, needs_review, attempt_no, unknown_since,
       gateway_ref, failure_code, failure_kind, coalesce(account, 'default') as account, created_at, updated_at
  from payments m
  left join payment_details d on d.payment_id = case when m.has_details then m.id end
 where parent_id = $1::text and movement_kind(m.id) = $2::text
   and (gateway_ref = $3::text or $2::text <> 'refund' and status <> 'FAILED')
 order by split_part(m.id, '_', 2)
 limit 1
