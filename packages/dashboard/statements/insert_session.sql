-- Stores a session, and deletes sessions that have expired.
-- PARAMS   $1 token_hash    bytea   SHA-256 of the cookie
--          $2 name          text    name of the user
--          $3 operator_id   text    one of the three credentials is set
--          $4 api_key_id    text    the others are null
--          $5 shared_token  bytea   fingerprint of the shared admin token
--          $6 lasts_ms      float8  lifetime
-- RETURNS  nothing
-- WHY      Each sign-in cleans up, so the table needs no other owner.
with expired as (
  delete from dashboard_sessions where expires_at < clock_timestamp()
)
insert into dashboard_sessions (token_hash, name, operator_id, api_key_id, shared_token, expires_at)
values ($1::bytea, $2::text, $3::text, $4::text, $5::bytea,
        clock_timestamp() + $6::float8 * interval '1 millisecond')
