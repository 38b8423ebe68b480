-- Adds credentials under a new place.
-- PARAMS   $1 place    text   the place
--          $2 account  text   the account
--          $3 gateway  text   name of the gateway
--          $4 number   int4   number of the place
--          $5 mode     text   test or live; null when the gateway does not say
--          $6 sealed   bytea  encrypted credentials
-- RETURNS  the place
insert into gateway_credentials (place, account, gateway, number, mode, sealed)
values ($1::text, $2::text, $3::text, $4::int4, $5::text, $6::bytea)
returning place
