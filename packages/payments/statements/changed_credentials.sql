-- Reads the credentials that were changed of late.
-- PARAMS   $1 overlap_ms  float8       those that changed so long before are read again, because a transaction may end late
--          $2 after       timestamptz  the latest change that is known; null for all
-- RETURNS  the credentials, sealed, the latest change last
select place, account, gateway, number, mode, sealed, created_at, updated_at, ended_at
  from gateway_credentials
 where $2::timestamptz is null or updated_at > $2::timestamptz - $1::float8 * interval '1 millisecond'
 order by updated_at
