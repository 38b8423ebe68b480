-- Stops a gateway, unless it is stopped already.
-- PARAMS   $1 gateway     text  name of the gateway
--          $2 stopped_by  text  the operator
--          $3 reason      text  why; may be empty
-- RETURNS  the gateway, if it was not stopped
insert into gateway_stops (gateway, stopped_by, reason) values ($1::text, $2::text, $3::text)
    on conflict (gateway) do nothing
returning gateway
