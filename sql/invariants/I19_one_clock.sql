-- Leases and times are by the database’s clock: none from its future, no lease longer than a day.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A clock that was set back by less than a minute is no breach.
-- ADVICE   Check the clock of the database server with `titan doctor`.
\set after ''
\set until ''

select id as subject, 'a time from the future' as detail
  from payments
 where greatest(created_at, updated_at, unknown_since) > now() + interval '1 minute'
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select payment_id, 'an attempt from the future'
  from attempt_history
 where greatest(created_at, first_sent_at, decided_at) > now() + interval '1 minute'
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 union all
select distinct payment_id, 'an event from the future'
  from payment_history
 where at > now() + interval '1 minute'
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 union all
select id, 'a lease that is longer than a day, or of a payment that no worker may hold'
  from payments
 where (lease_until > updated_at + interval '1 day' or status in ('PENDING', 'QUEUED') and lease_until is not null)
   and id > :'after' and (:'until' = '' or id <= :'until');
