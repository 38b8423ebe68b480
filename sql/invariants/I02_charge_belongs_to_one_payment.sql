-- Finds charges that more than one payment in SUCCESS names as its own.
-- SCOPE    database
-- PARAMS   $1 parts, $2 part: the share of all charges that this run looks at
-- RETURNS  id, what
-- WHY      A gateway gives each charge one id. Two payments with one charge are one payment too many.
with shared as (
  select gateway, gateway_ref
    from payments
   where status = 'SUCCESS' and gateway_ref is not null and abs(hashtext(gateway_ref)::bigint) % $1::int = $2::int
   group by gateway, gateway_ref
  having count(*) > 1
)
select p.id, 'SUCCESS with the same charge as another payment' as what
  from shared
  join payments p on p.gateway_ref = shared.gateway_ref and p.gateway is not distinct from shared.gateway
 where p.status = 'SUCCESS'
