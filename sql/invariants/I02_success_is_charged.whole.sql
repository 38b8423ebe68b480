-- Charges that more than one payment in SUCCESS claims.
-- PARAMS   parts, part: number of shares, and the share that is read; everything by default
-- RETURNS  subject, detail
-- WHY      A gateway gives each charge one id. Two payments with one charge are one payment too many. Captures and voids
--          may have the id of their charge.
\set parts '1'
\set part '0'

with shared as (
  select gateway, gateway_ref
    from payments
   where status = 'SUCCESS' and gateway_ref is not null and parent_id is null and abs(hashtext(gateway_ref)::bigint) % :'parts'::int = :'part'::int
   group by gateway, gateway_ref
  having count(*) > 1
)
select p.id as subject, 'SUCCESS with the same charge as another payment' as detail
  from shared
  join payments p on p.gateway_ref = shared.gateway_ref and p.gateway is not distinct from shared.gateway
 where p.status = 'SUCCESS' and p.parent_id is null;
