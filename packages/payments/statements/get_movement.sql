-- Reads one capture, void or refund.
-- PARAMS   $1 id  text  movement
-- RETURNS  the movement, or nothing
select id, movement_kind(id) as kind, parent_id as payment_id, amount, currency, status,
       split_part(idempotency_key, ' ', 3) as idempotency_key, null::text as reason, needs_review, attempt_no, unknown_since,
       gateway_ref, failure_code, failure_kind, created_at, updated_at
  from payments
 where id = $1::text and parent_id is not null
