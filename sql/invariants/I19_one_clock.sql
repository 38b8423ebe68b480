-- Finds times from the future of the database's clock, and leases that no claim gives.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      Leases and times are by the database's clock. A clock that was set back by less than a minute is no breach.
select id, 'a time from the future' as what
  from payments
 where greatest(created_at, updated_at, unknown_since) > now() + interval '1 minute'
   and id > $1 and ($2::text is null or id <= $2)
 union all
select payment_id, 'an attempt from the future'
  from payment_attempts
 where greatest(created_at, first_sent_at, decided_at) > now() + interval '1 minute'
   and payment_id > $1 and ($2::text is null or payment_id <= $2)
 union all
select distinct payment_id, 'an event from the future'
  from payment_events
 where at > now() + interval '1 minute'
   and payment_id > $1 and ($2::text is null or payment_id <= $2)
 union all
select id, 'a lease that is longer than a day, or of a payment that nobody may hold'
  from payments
 where (lease_until > updated_at + interval '1 day' or status in ('PENDING', 'QUEUED') and lease_until is not null)
   and id > $1 and ($2::text is null or id <= $2)
