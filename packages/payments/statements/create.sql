-- Inserts payments whose idempotency keys are new. Their first event is part of the row.
-- PARAMS   $1 requests    text      payment_request[] as text
--          $2 fp_version  smallint  version of the fingerprints
--          $3 actors      text[]    who asks for each payment, in the order of the requests
--          $4 extras      text[]    JSON of what each request says besides, in the order of the requests; empty when none does
-- RETURNS  what the database decides about each payment that was inserted
-- WHY      Keys are inserted in their order, so two batches that share keys wait for each other in one direction only.
--          A stored key begins with the account, unless that is default.
with inserted as (
  insert into payments (id, amount, currency, idempotency_key, request_digest, fp_version, traceparent, status, event_seq,
                        created_by, next_run_at, has_details, manual_capture, customer_present, priority,
                        execute_at, expires_at, token_gateway, account)
  select id, amount, currency, key, decode(hash, 'hex'), $2::smallint, traceparent, 'PENDING', 1,
         actor, greatest(clock_timestamp(), (extra::jsonb ->> 'execute_at')::timestamptz), extra::jsonb ? 'details',
         (extra::jsonb ->> 'manual_capture')::boolean, (extra::jsonb ->> 'customer_present')::boolean, extra::jsonb ->> 'priority',
         (extra::jsonb ->> 'execute_at')::timestamptz,
         (extra::jsonb ->> 'expires_at')::timestamptz, extra::jsonb ->> 'token_gateway', nullif(split_part(key, ' ', 1), key)
    from unnest($1::text::payment_request[], $3::text[], $4::text[]) as request (id, amount, currency, key, hash, traceparent, actor, extra)
   order by key collate "C"
      on conflict (idempotency_key) do nothing
  returning id, next_run_at, created_at, updated_at,
            case when (select types && '{payment.created}' from webhook_feed) then note_events(id, 1, 1) end as is_noted
)
select id, next_run_at, created_at, updated_at from inserted
