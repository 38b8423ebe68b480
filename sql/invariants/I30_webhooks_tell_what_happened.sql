-- Finds outgoing webhooks of payments that tell something else than the history does.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      A webhook is noted in the transaction that writes its event: none is about a step that was rolled back.
--          A webhook of a payment that is not there is a breach of I06.
with webhook as (
  select id, type, payment_id, payload::jsonb -> 'data' as data
    from webhook_events
   where payment_id > $1 and ($2::text is null or payment_id <= $2)
)
select w.payment_id as id, 'a webhook tells of an event that is not in the history' as what
  from webhook w
  join payments p on p.id = w.payment_id
  left join payment_events e on e.payment_id = w.payment_id and 'evt_' || regexp_replace(e.payment_id, '^pay_', '') || '_' || e.seq = w.id
 where (e.type, e.to_status) is distinct from (w.type, w.data ->> 'status')
 union all
select w.payment_id, 'a webhook tells of another amount or currency'
  from webhook w
  join payments p on p.id = w.payment_id
 where (w.data ->> 'amount', w.data ->> 'currency') is distinct from (p.amount::text, p.currency)
