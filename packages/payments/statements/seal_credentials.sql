-- Replaces what is sealed at a place.
-- PARAMS   $1 place   text   the place
--          $2 sealed  bytea  encrypted credentials
-- RETURNS  the place
update gateway_credentials
   set sealed = $2::bytea, updated_at = clock_timestamp()
 where place = $1::text
returning place
