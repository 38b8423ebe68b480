-- Counts what becomes a loss unless an operator acts: authorizations that expire soon, and open contradictions with a gateway.
-- PARAMS   $1 limit      int     most that are looked at of each
--          $2 within_ms  float8  how soon an authorization expires
-- RETURNS  one row of counts
-- WHY      Both read a partial index of what is open: the cost does not grow with the history.
with waiting as (
  select waits_for, waits_until from payments where waits_for is not null order by next_run_at, id limit $1::int
), contradiction as (
  select from reconciliation_breaks where resolved_at is null order by detected_at limit $1::int
)
select (select count(*) from waiting
         where waits_for = 'capture' and waits_until < clock_timestamp() + $2::float8 * interval '1 millisecond')::int as expiring,
       (select count(*) from contradiction)::int as open_breaks
