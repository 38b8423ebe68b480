-- Finds the payment of a charge.
-- PARAMS   $1 gateway      text  gateway that charged
--          $2 gateway_ref  text  the gateway's id of the charge
-- RETURNS  the id of the payment that succeeded with it, or nothing
-- WHY      Only what succeeded can be refunded, and the index of charges is of those.
select id from payments
 where gateway = $1::text and gateway_ref = $2::text and status = 'SUCCESS' and parent_id is null
 limit 1
