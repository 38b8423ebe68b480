-- Counts what happened to payments from one time until a second ago, with the latency of a sample of ended ones.
-- PARAMS   $1 since      timestamptz  start, the end of the interval before
--          $2 settle_ms  int          what is younger is left to the next interval: its transactions may be open
--          $3 sample     int          ended payments whose latency is measured at most
-- RETURNS  one row: from, to, created, succeeded, failed, retried, p50_ms, p95_ms, p99_ms
-- WHY      It reads the events of that time only, by their index.
with stretch as materialized (
  select $1::timestamptz as since, clock_timestamp() - $2::int * interval '1 millisecond' as until
), recent as materialized (
  select payment_id, type, at from payment_history
   where at >= (select since from stretch) and at < (select until from stretch)
), ended as (
  select extract(epoch from e.at - greatest(p.created_at, p.execute_at))::float8 * 1000 as ms
    from (select payment_id, at from recent where type in ('payment.succeeded', 'payment.failed')
           limit $3::int) e
    join payments p on p.id = e.payment_id
), latency as (
  select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by ms) as p from ended
)
select (select since from stretch) as "from", (select until from stretch) as "to",
       count(*) filter (where type = 'payment.created') as created,
       count(*) filter (where type = 'payment.succeeded') as succeeded,
       count(*) filter (where type = 'payment.failed') as failed,
       count(*) filter (where type in ('payment.retrying', 'payment.requeued', 'payment.taken_over')) as retried,
       (select p[1] from latency) as p50_ms, (select p[2] from latency) as p95_ms,
       (select p[3] from latency) as p99_ms
  from recent
