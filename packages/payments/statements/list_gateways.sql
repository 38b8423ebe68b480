-- Lists gateways that are stopped, that connected workers name, or that have unfinished payments which no other can take.
-- PARAMS   none
-- RETURNS  for each: its stop, the number of workers' connections that name it, and whether such a payment exists
-- WHY      A worker names its gateways in the name of its connections, so nothing that outlives it can go stale. A long list
--          is cut there.
with named as (
  select w.name as gateway
    from pg_stat_activity a
   cross join lateral unnest(string_to_array(substring(a.application_name from '^titan-worker gateway=(.+)$'), ',')) as w (name)
   where a.datname = current_database() and w.name <> '…'
), held as (
  select distinct gateway from payments
   where status in ('QUEUED', 'PROCESSING') and not needs_review and (attempt_open or parent_id is not null) and gateway is not null
)
select gateway, s.stopped_at, s.stopped_by, s.reason, coalesce(w.connections, 0)::int as connections, held.gateway is not null as is_needed
  from gateway_stops s
  full join (select gateway, count(*) as connections from named group by gateway) w using (gateway)
  full join held using (gateway)
 order by gateway
 limit 100
