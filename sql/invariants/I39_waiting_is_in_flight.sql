-- What waits for the merchant, the customer or the gateway is in flight, with its attempt open and its outcome known.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      An open attempt keeps a second one from beginning. A wait without an end would never be woken.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

select id as subject, 'it waits, and is not PROCESSING with an open attempt' as detail
  from payments
 where waits_for is not null and (status <> 'PROCESSING' or not attempt_open or needs_review or unknown_since is not null)
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'it waits for what its kind never waits for'
  from payments
 where waits_for is not null and (waits_for = 'gateway') <> (parent_id is not null)
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'it waits for the customer without an end'
  from payments
 where waits_for = 'customer' and waits_until is null and id > :'after' and (:'until' = '' or id <= :'until');
