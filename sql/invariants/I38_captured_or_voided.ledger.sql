-- Captures and voids whose status contradicts the gateway’s ledger, and captures that we do not have.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
-- RETURNS  subject, detail
-- WHY      That a payment has at most one captured charge, and of the amount on record, shows in I1 and I2. What is captured
--          before it is known to be authorized needs no capture here: the payment itself is SUCCESS. What the gateway released,
--          the next poll finds; no money moved.
-- UNLISTED by our own records: a list may show neither captures nor voids
\set settled 'false'
\set fresh_ms '5000'

select r.id as subject, 'SUCCESS without an equal ' || movement_kind(r.id) || ' in the ledger' as detail
  from payments r
 where r.parent_id is not null and movement_kind(r.id) in ('capture', 'void') and r.status = 'SUCCESS'
   and not exists (
     select from movement m
      where m.kind = movement_kind(r.id) and m.payment_id = r.parent_id and m.amount = r.amount and m.currency = r.currency)
 union all
select r.id, 'FAILED, and the gateway did it'
  from movement m
  join attempt_history a on a.gateway_key = m.key
  join payments r on r.id = a.payment_id and r.parent_id is not null
 where m.kind in ('capture', 'void') and m.status = 'succeeded' and r.status = 'FAILED'
   -- A capture of another amount than was asked for is recorded as the gateway's own.
   and not exists (select from payments p where p.id = r.parent_id and p.amount_captured = m.amount and m.amount <> r.amount)
   and not exists (
     select from reconciliation_breaks b
      where b.payment_id in (r.id, r.parent_id) and b.reference in (m.id, m.intent_id) and b.resolved_at is null)
 union all
select p.id, 'the gateway has a capture, and the payment waits for one'
  from movement m
  join payments p on p.id = m.payment_id and p.waits_for = 'capture'
 where m.kind = 'capture' and m.status = 'succeeded'
   and (:'settled' = 'true' or m.at < now() - :'fresh_ms'::float8 * interval '1 millisecond')
   and not exists (
     select from payments r where r.parent_id = p.id and movement_kind(r.id) = 'capture' and r.status <> 'FAILED');
