-- Counts what waits to be sent, and the endpoints that keep it waiting.
-- PARAMS   $1 most  int4  most rows that are counted in each table
-- RETURNS  pending deliveries, waiting events, failing endpoints and disabled endpoints
-- WHY      A partial index serves the pending deliveries; the limit keeps the cost from growing with the backlog.
select (select count(*) from (select from webhook_deliveries where status = 'PENDING' limit $1::int4) few) as pending,
       (select count(*) from (select from webhook_outbox limit $1::int4) few) as waiting_events,
       count(*) filter (where disabled_at is null and failures > 0) as failing_endpoints,
       count(*) filter (where disabled_at is not null) as disabled_endpoints
  from webhook_endpoints where deleted_at is null
