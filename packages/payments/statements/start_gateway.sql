-- Ends the stop of a gateway.
-- PARAMS   $1 gateway  text  name of the gateway
-- RETURNS  the gateway, if it was stopped
delete from gateway_stops where gateway = $1::text returning gateway
