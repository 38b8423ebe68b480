-- Extends the leases of claims that are still held.
-- PARAMS   $1 claims    text    payment_claim[] as text
--          $2 lease_ms  float8  length of the new lease by the clock of the database
-- RETURNS  id and fence of each lease that was extended
with target as (
  select p.id
    from (select * from unnest($1::text::payment_claim[]) order by id) held
   cross join lateral (
     select id from payments
      where id = held.id and fence = held.fence and status = 'PROCESSING' and lease_until >= clock_timestamp()
        for update
   ) p
)
update payments p
   set lease_until = clock_timestamp() + $2::float8 * interval '1 millisecond', updated_at = clock_timestamp()
  from target
 where p.id = target.id
returning p.id, p.fence
