-- No gateway key is sent again after its shelf life.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      The age of a key counts from the first send, and an attempt without a send is sent instead of looked up.
-- ADVICE   Look at the gateway for a second charge, and check the clocks with `titan doctor`.
-- NEEDS    ledger
\set after ''
\set until ''

select p.id as subject, 'sends or the first send differ from its current attempt' as detail
  from payments p
  join attempt_history a on a.payment_id = p.id and a.attempt_no = p.attempt_no
 where (p.sends, p.first_sent_at) is distinct from (a.sends, a.first_sent_at)
   and a.payment_id > :'after' and (:'until' = '' or a.payment_id <= :'until')
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select id, 'its first send was not at its first claim'
  from payments
 where (ended_at is not null or claimed_at is not null and event_seq = 3)
   and coalesce(first_sent_at not between claimed_at - interval '1 minute' and claimed_at + interval '1 minute', true)
   and id > :'after' and (:'until' = '' or id <= :'until');
