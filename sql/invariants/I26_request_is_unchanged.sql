-- What the client asked for is unchanged: the stored digests are recomputed.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      The digest is that of the client’s request; this file hashes the same text as request.ts. A payment from
--          before the first migration has none. Version 2 covers the key; for rows of version 1 it is in the first event.
--          The digest of the details stays when they are erased, so the request is checked also then.
--          A movement without an amount is one of all that was left.
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
  left join payment_details d on d.payment_id = id and d.payment_id > :'after' and (:'until' = '' or d.payment_id <= :'until')
 where fp_version = 1 and parent_id is not null and id > :'after' and (:'until' = '' or id <= :'until')
   and request_hash not in (
     select encode(sha256(convert_to('{"kind":"' || movement_kind(id) || '","paymentId":"' || parent_id || '","amount":' || asked
                                     || ',"reason":' || coalesce(to_json(encode(d.digest, 'hex'))::text, 'null')
                                     || coalesce(',"chargeRef":' || to_json(charge_ref)::text, '') || '}',
                                     'UTF8')), 'hex')
       from unnest(array[amount::text, 'null']) as asked)
 union all
select p.id, 'the stored request digest is not that of the request'
  from payments p
  left join payment_details d on d.payment_id = p.id and d.payment_id > :'after' and (:'until' = '' or d.payment_id <= :'until')
 where p.fp_version = 2
   and p.request_digest <> sha256(convert_to(concat(
         '{"amount":', p.amount, ',"currency":"', p.currency, '","idempotency_key":', to_json(p.idempotency_key),
         case when p.manual_capture then ',"manual_capture":true' end, case when p.customer_present then ',"customer_present":true' end,
         ',"priority":"' || p.priority || '"',
         ',"execute_at":"' || to_char(p.execute_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"',
         ',"expires_at":"' || to_char(p.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"',
         ',"details":"' || encode(d.digest, 'hex') || '"', '}'), 'UTF8'))
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select d.payment_id, 'the stored digest of the details is not that of the details'
  from payment_details d
 cross join lateral (
   select '[' || string_agg('["' || member || '",' || json || ']', ',' order by position) || ']' as json
     from (values
             (1, 'payment_method', case jsonb_typeof(d.payment_method)
                when 'string' then d.payment_method::text
                else (select '[' || string_agg('[' || to_json(key) || ',' || to_json(value) || ']', ',' order by key collate "C") || ']'
                        from jsonb_each_text(d.payment_method)) end),
             (2, 'customer', case jsonb_typeof(d.customer)
                when 'string' then d.customer::text
                else (select '[' || string_agg('[' || to_json(key) || ',' || to_json(value) || ']', ',' order by key collate "C") || ']'
                        from jsonb_each_text(d.customer)) end),
             (3, 'reference', to_json(d.reference)::text),
             (4, 'description', to_json(d.description)::text),
             (5, 'statement_descriptor', to_json(d.statement_descriptor)::text),
             (6, 'metadata',
              (select '[' || string_agg('[' || to_json(key) || ',' || to_json(value) || ']', ',' order by key collate "C") || ']'
                 from jsonb_each_text(d.metadata))),
             (7, 'return_url', to_json(d.return_url)::text)
          ) given (position, member, json)
    where json is not null
 ) canonical
 where d.erased_at is null and d.digest is distinct from sha256(convert_to(canonical.json, 'UTF8'))
   and d.payment_id > :'after' and (:'until' = '' or d.payment_id <= :'until')
 union all
select id, 'the request hash is of an unknown version'
  from payments
 where fp_version not in (1, 2) and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select p.id, 'the request hash is missing'
  from payments p
  join payment_history e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where case p.fp_version when 1 then p.request_hash is null else p.request_digest is null end
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select p.id, 'the idempotency key is not the one in its first event'
  from payments p
  join payment_history e on e.payment_id = p.id and e.seq = 1 and e.type = 'payment.created'
 where e.evidence ->> 'idempotency_key' <> p.idempotency_key and p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and e.payment_id > :'after' and (:'until' = '' or e.payment_id <= :'until');
