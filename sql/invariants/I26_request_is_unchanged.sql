-- Finds payments whose amount, currency or idempotency key is not what the client sent.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
--          $3 version: the set of fields that goes into a hash
-- RETURNS  id, what
-- WHY      The hash is that of what the client asked for. The same text as fingerprint.ts makes is hashed here.
--          A payment from before the first migration has none. The key is in the first event of each payment, but for
--          those of versions before it was recorded there.
select id, 'the stored request hash is not that of amount and currency' as what
  from payments
 where fp_version = $3::int
   and request_hash <> encode(sha256(convert_to('{"amount":' || amount || ',"currency":"' || currency || '"}', 'UTF8')), 'hex')
   and id > $1 and ($2::text is null or id <= $2)
 union all
select id, 'the request hash is of an unknown version'
  from payments
 where fp_version <> $3::int and id > $1 and ($2::text is null or id <= $2)
 union all
select p.id, 'the request hash is missing'
  from payments p
  join payment_events e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where p.request_hash is null and p.id > $1 and ($2::text is null or p.id <= $2)
 union all
select p.id, 'the idempotency key is not the one in its first event'
  from payments p
  join payment_events e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where e.evidence ->> 'idempotency_key' <> p.idempotency_key and p.id > $1 and ($2::text is null or p.id <= $2)
   and e.payment_id > $1 and ($2::text is null or e.payment_id <= $2)
