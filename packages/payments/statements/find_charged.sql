-- Finds the payments that succeeded with charges.
-- PARAMS   $1 gateway       text    gateway that charged
--          $2 gateway_refs  text[]  the gateway's ids of the charges
-- RETURNS  each payment that was found, with its charge
select id, gateway_ref from payments
 where gateway = $1::text and gateway_ref = any($2::text[]) and status = 'SUCCESS' and parent_id is null
