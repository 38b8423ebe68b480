-- Reads the captures, voids and refunds of a payment.
-- PARAMS   $1 payment_id  text  payment
--          $2 limit       int   most movements
-- RETURNS  the movements, oldest first
-- WHY      The digits after the prefix of an id are the time at which it was made.
select m.id, movement_kind(m.id) as kind, parent_id as payment_id, amount, currency, status,
       split_part(idempotency_key, ' ', 3) as idempotency_key, d.description as reason, needs_review, attempt_no, unknown_since,
       gateway_ref, failure_code, failure_kind, coalesce(account, 'default') as account, created_at, updated_at
  from payments m
  left join payment_details d on d.payment_id = case when m.has_details then m.id end
 where parent_id = $1::text
 order by split_part(m.id, '_', 2)
 limit $2::int
