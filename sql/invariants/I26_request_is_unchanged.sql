-- Amount, currency and key are those that the client sent: the stored hash is recomputed.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      The hash is that of the client’s request; this file hashes the same text as identifiers.ts. A payment from
--          before the first migration has none. The key is in the first event of each payment, except for versions
--          before it was recorded there. A movement without an amount is one of all that was left.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

select id as subject, 'the stored request hash is not that of amount and currency' as detail
  from payments
 where fp_version = 1 and parent_id is null
   and request_hash <> encode(sha256(convert_to('{"amount":' || amount || ',"currency":"' || currency || '"}', 'UTF8')), 'hex')
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'the stored request hash is not that of the movement'
  from payments
 where fp_version = 1 and parent_id is not null and id > :'after' and (:'until' = '' or id <= :'until')
   and request_hash not in (
     select encode(sha256(convert_to('{"kind":"' || movement_kind(id) || '","paymentId":"' || parent_id || '","amount":' || asked
                                     || ',"reason":null}', 'UTF8')), 'hex')
       from unnest(array[amount::text, 'null']) as asked)
 union all
select id, 'the request hash is of an unknown version'
  from payments
 where fp_version <> 1 and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select p.id, 'the request hash is missing'
  from payments p
  join payment_history e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where p.request_hash is null and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select p.id, 'the idempotency key is not the one in its first event'
  from payments p
  join payment_history e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where e.evidence ->> 'idempotency_key' <> p.idempotency_key and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and e.payment_id > :'after' and (:'until' = '' or e.payment_id <= :'until');
