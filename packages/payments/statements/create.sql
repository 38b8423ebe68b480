-- Inserts payments whose idempotency keys are new, each with its first event.
-- PARAMS   $1 requests    text      payment_request[] as text
--          $2 fp_version  smallint  version of the fingerprints
--          $3 ids         text[]    payments, in the order of their actors
--          $4 actors      text[]    who asks for each payment
-- RETURNS  what the database decides about each payment that was inserted
-- WHY      Keys are inserted in their order, so two batches that share keys wait for each other in one direction only.
with inserted as (
  insert into payments (id, amount, currency, idempotency_key, request_hash, fp_version, traceparent, status, event_seq)
  select id, amount, currency, key, hash, $2::smallint, traceparent, 'PENDING', 1
    from unnest($1::text::payment_request[])
   order by key collate "C"
      on conflict (idempotency_key) do nothing
  returning id, idempotency_key, next_run_at, created_at, updated_at
), event as (
  insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
  -- The hash of the request leaves the key out; without a second record of it, an exchange of keys would not show.
  select id, 1, 'payment.created', null, 'PENDING', actor, jsonb_build_object('idempotency_key', idempotency_key)
    from inserted
    join unnest($3::text[], $4::text[]) as request (id, actor) using (id)
)
select id, next_run_at, created_at, updated_at from inserted
