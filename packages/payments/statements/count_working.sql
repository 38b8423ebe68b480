-- Counts unfinished payments in each state, and the ages of the oldest. What waits for capture, customer or gateway is apart.
-- PARAMS   $1 limit  int  most payments that are looked at in each state, those first that are due first
-- RETURNS  one row: counts; ages in milliseconds, 0 when there is none
-- WHY      A payment that was scheduled is as old as its time to be executed.
--          Each state is written out, so that it reads its own partial index: the cost does not grow with the history.
with pending as (
  select greatest(created_at, execute_at) as created_at from payments where status = 'PENDING' order by next_run_at, id limit $1::int
), queued as (
  select greatest(created_at, execute_at) as created_at from payments where status = 'QUEUED' order by next_run_at, id limit $1::int
), processing as (
  select greatest(created_at, execute_at) as created_at, unknown_since from payments
   where status = 'PROCESSING' and not needs_review and waits_for is null
   order by next_run_at, id limit $1::int
), waiting as (
  select waits_for, created_at from payments where waits_for is not null order by next_run_at, id limit $1::int
), review as (
  select from payments where needs_review order by updated_at, id limit $1::int
)
select (select count(*) from pending) as pending, (select count(*) from queued) as queued,
       (select count(*) from processing) as processing, (select count(*) from review) as review,
       (select count(unknown_since) from processing) as unknown,
       (select jsonb_object_agg(waits_for, jsonb_build_object('count', count, 'oldest_ms', extract(epoch from at - oldest) * 1000))
          from (select waits_for, count(*), min(created_at) as oldest from waiting group by waits_for) reason) as waiting,
       coalesce(extract(epoch from at - least(
         (select min(created_at) from pending), (select min(created_at) from queued),
         (select min(created_at) from processing))) * 1000, 0)::float8 as oldest_ms,
       coalesce(extract(epoch from at - (select min(created_at) from pending)) * 1000, 0)::float8
         as oldest_pending_ms
  from (select clock_timestamp() as at) clock
