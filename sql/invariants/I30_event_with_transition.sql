-- An outgoing webhook reports an event of the history, with the amount of its payment.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A webhook is noted in the transaction that writes its event: none reports a step that was rolled back. A
--          webhook of a payment that does not exist is a breach of I06.
-- ADVICE   Compare the payment’s events with its webhooks in `titan payments show <id>`, and inform the receiver.
\set after ''
\set until ''

with webhook as (
  select id, type, payment_id, payload::jsonb -> 'data' as data
    from webhook_events
   where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
)
select w.payment_id as subject, 'a webhook reports an event that is not in the history' as detail
  from webhook w
  join payments p on p.id = w.payment_id
  left join payment_history e on e.payment_id = w.payment_id and 'evt_' || regexp_replace(e.payment_id, '^pay_', '') || '_' || e.seq = w.id
 where (e.type, e.to_status) is distinct from (w.type, w.data ->> 'status')
 union all
select w.payment_id, 'a webhook reports another amount or currency'
  from webhook w
  join payments p on p.id = w.payment_id
 where (w.data ->> 'amount', w.data ->> 'currency') is distinct from (p.amount::text, p.currency);
