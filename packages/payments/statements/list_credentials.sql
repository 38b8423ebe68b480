-- Lists the credentials of accounts, by account, gateway and number.
-- PARAMS   $1 account  text  only those of this account; null for all
-- RETURNS  the credentials, sealed
select place, account, gateway, number, mode, sealed, created_at, updated_at, ended_at
  from gateway_credentials
 where $1::text is null or account = $1::text
 order by account, gateway, number
