-- Claims the comparison with a gateway, when it is due and no other program is at it.
-- PARAMS   $1 gateway      text    gateway
--          $2 account      text    account whose credentials are used
--          $3 owner        text    program that compares
--          $4 lease_ms     float8  how long the claim lasts
--          $5 interval_ms  float8  time between two comparisons; the first one begins that long ago
--          $6 settle_ms    float8  what is younger is not judged
-- RETURNS  since, until: the span to compare; nothing when it is not due
with due as (
  select clock_timestamp() - $6::float8 * interval '1 millisecond' as until, $5::float8 * interval '1 millisecond' as every
)
insert into reconciliation_marks as m (gateway, account, done_until, lease_owner, lease_until)
select $1::text, $2::text, until - every, $3::text, clock_timestamp() + $4::float8 * interval '1 millisecond' from due
    on conflict (gateway, account) do update
   set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
 where coalesce(m.lease_until, '-infinity') < clock_timestamp() and m.done_until <= (select until - every from due)
returning done_until as since, (select until from due) as until
