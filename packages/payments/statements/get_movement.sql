-- Reads one capture, void or refund.
-- PARAMS   $1 id  text  movement
-- RETURNS  the movement, or nothing
select m.id, movement_kind(m.id) as kind, parent_id as payment_id, amount, currency, status,
       split_part(idempotency_key, ' ', 3) as idempotency_key, d.description as reason, needs_review, attempt_no, unknown_since,
       gateway_ref, failure_code, failure_kind, coalesce(account, 'default') as account, created_at, updated_at
  from payments m
  left join payment_details d on d.payment_id = case when m.has_details then m.id end
 where m.id = $1::text and parent_id is not null
