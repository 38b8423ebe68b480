-- Reads the payments that idempotency keys belong to.
-- PARAMS   $1 keys  text[]  idempotency keys that the insert found taken
-- RETURNS  the payments, with the fingerprints of their requests
-- WHY      A new statement has a new snapshot, so it sees the rows that made the insert step aside.
select id, amount, currency, status, idempotency_key, fence, attempt_no, attempt_open, retries, unknown_since, needs_review,
       next_run_at, failure_code, failure_kind, gateway, gateway_ref, late_charge_ref, dispute_status, open_charges,
       attempt_open and looked_up_fence is not distinct from fence as is_looked_up, created_at, updated_at,
       parent_id, case when status = 'SUCCESS' then coalesce(amount_captured, amount) else 0 end as amount_captured,
       coalesce(amount_refunded, 0) as amount_refunded, coalesce(refunds_reserved, 0) as refunds_reserved, waits_for, waits_until,
       manual_capture, customer_present, priority, execute_at, expires_at, account, to_jsonb(d) as details,
       fp_version, coalesce(request_hash, encode(request_digest, 'hex')) as request_hash
  from payments p
  left join payment_details d on d.payment_id = case when p.has_details then p.id end
 where idempotency_key = any($1::text[])
