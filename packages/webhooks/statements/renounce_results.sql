-- Makes the results of deliveries under way stale, so that none is stored any more.
-- PARAMS   $1 payment_ids  text[]  payments that the deliveries are about
-- RETURNS  nothing
-- WHY      A response that comes after an erasure may repeat the body that was sent before it. Such a delivery is due again
--          when its lease ends. A result that is being stored holds the lock: what follows in the transaction sees it.
with target as (
  select d.id
    from webhook_events e
    join webhook_deliveries d on d.event_id = e.id
   where e.payment_id = any($1::text[]) and d.leased_until is not null
   order by d.id
     for update of d
)
update webhook_deliveries d
   set dispatches = d.dispatches + 1, updated_at = clock_timestamp()
  from target
 where d.id = target.id
