-- Loads what an attempt needs, and restarts the lease of the delivery.
-- PARAMS   $1 delivery_id  int8    number of the delivery
--          $2 dispatch_no  int4    dispatch that the attempt belongs to
--          $3 lease_ms     float8  length of the lease
-- RETURNS  tries, endpoint, URL, event, body and the encrypted secrets; no row when the dispatch is stale
update webhook_deliveries d
   set leased_until = clock_timestamp() + $3::float8 * interval '1 millisecond'
  from webhook_endpoints e, webhook_events event
 where d.id = $1::int8 and d.dispatches = $2::int4 and d.leased_until is not null
   and e.id = d.endpoint_id and e.disabled_at is null and e.deleted_at is null
   and event.id = d.event_id
returning d.tries, d.endpoint_id, e.url, d.event_id, event.payload, e.secret,
          case when e.old_secret_until > clock_timestamp() then e.old_secret end as old_secret
