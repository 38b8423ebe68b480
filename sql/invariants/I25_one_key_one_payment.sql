-- Finds payments that share their idempotency key or their id with another one.
-- SCOPE    database
-- PARAMS   $1 parts, $2 part: the share of all keys and ids that this run looks at
-- RETURNS  id, what
-- WHY      The unique index refuses it, unless it was dropped or is broken.
with shared as (
  select idempotency_key
    from payments
   where abs(hashtext(idempotency_key)::bigint) % $1::int = $2::int
   group by idempotency_key
  having count(*) > 1
)
select p.id, 'another payment has the same idempotency key' as what
  from shared
  join payments p on p.idempotency_key = shared.idempotency_key
 union all
select id, 'another payment has the same id'
  from payments
 where abs(hashtext(id)::bigint) % $1::int = $2::int
 group by id
having count(*) > 1
