-- Ends the current credentials of an account at a gateway: no attempt begins under them any more.
-- PARAMS   $1 account  text  the account
--          $2 gateway  text  name of the gateway
-- RETURNS  the place; no row when there are none
update gateway_credentials
   set ended_at = clock_timestamp(), updated_at = clock_timestamp()
 where account = $1::text and gateway = $2::text and ended_at is null
returning place
