-- Finds the credentials of a place.
-- PARAMS   $1 place  text  the place
-- RETURNS  the credentials, sealed
select place, account, gateway, number, mode, sealed, created_at, updated_at, ended_at
  from gateway_credentials where place = $1::text
