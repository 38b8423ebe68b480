-- Ends a session.
-- PARAMS   $1 token_hash  bytea  SHA-256 of the cookie
-- RETURNS  nothing
-- WHY      The row stays until it expires, so that no process accepts the cookie again.
update dashboard_sessions set ended_at = clock_timestamp() where token_hash = $1::bytea and ended_at is null
