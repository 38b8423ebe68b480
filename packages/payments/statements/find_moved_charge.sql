-- Finds the charge that a capture, void or refund is about.
-- PARAMS   $1 id  text  movement
-- RETURNS  the gateway's id of the charge; null when it gave none
select coalesce(m.charge_ref, p.gateway_ref) as gateway_ref
  from payments m join payments p on p.id = m.parent_id
 where m.id = $1::text
