-- Inserts payments whose idempotency keys are new, each with its first event.
-- PARAMS   $1 requests    text      payment_request[] as text
--          $2 fp_version  smallint  version of the fingerprints
--          $3 ids         text[]    payments, in the order of their actors
--          $4 actors      text[]    who asks for each payment
--          $5 extras      text[]    JSON of what each request says besides, in the order of the requests; empty when none does
-- RETURNS  what the database decides about each payment that was inserted
-- WHY      Keys are inserted in their order, so two batches that share keys wait for each other in one direction only.
with inserted as (
  insert into payments (id, amount, currency, idempotency_key, request_digest, fp_version, traceparent, status, event_seq,
                        next_run_at, has_details, priority, execute_at, expires_at)
  select id, amount, currency, key, decode(hash, 'hex'), $2::smallint, traceparent, 'PENDING', 1,
         greatest(clock_timestamp(), (extra::jsonb ->> 'execute_at')::timestamptz), extra::jsonb ? 'details',
         extra::jsonb ->> 'priority', (extra::jsonb ->> 'execute_at')::timestamptz, (extra::jsonb ->> 'expires_at')::timestamptz
    from unnest($1::text::payment_request[], $5::text[]) as request (id, amount, currency, key, hash, traceparent, extra)
   order by key collate "C"
      on conflict (idempotency_key) do nothing
  returning id, idempotency_key, next_run_at, created_at, updated_at
), details as (
  insert into payment_details (payment_id, payment_method, customer, reference, description, statement_descriptor, metadata, digest)
  select payment_id, payment_method, customer, reference, description, statement_descriptor, metadata, decode(digest, 'hex')
    from unnest($5::text[]) as extra
   cross join lateral jsonb_to_record(extra::jsonb -> 'details') as given
         (payment_id text, payment_method jsonb, customer jsonb, reference text, description text, statement_descriptor text,
          metadata jsonb, digest text)
   where extra::jsonb ? 'details'
     -- As an expression it is looked up in a hash; as a condition it would be a join that compares each with each.
     and coalesce(payment_id in (select id from inserted), false)
), event as (
  insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
  -- The hash of the request leaves the key out; without a second record of it, an exchange of keys would not show.
  select id, 1, 'payment.created', null, 'PENDING', actor, jsonb_build_object('idempotency_key', idempotency_key)
    from inserted
    join unnest($3::text[], $4::text[]) as request (id, actor) using (id)
)
select id, next_run_at, created_at, updated_at from inserted
