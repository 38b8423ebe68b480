-- Erases what payments said of themselves from the stored bodies of their webhooks, and the responses to them.
-- PARAMS   $1 payment_ids  text[]  payments
-- RETURNS  nothing
-- WHY      The deliveries stay: when, where and with which result. A receiver may have repeated the body in its response.
with event as (
  update webhook_events
     set payload = jsonb_set(payload::jsonb, '{data}', (payload::jsonb -> 'data')
                     - array['reference', 'description', 'statement_descriptor', 'metadata', 'reason', 'next_action'])::text
   where payment_id = any($1::text[])
  returning id
)
update webhook_attempts a
   set response = null, detail = null
  from event, webhook_deliveries d
 where d.event_id = event.id and a.delivery_id = d.id and num_nonnulls(a.response, a.detail) > 0
