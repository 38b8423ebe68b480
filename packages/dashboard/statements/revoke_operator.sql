-- Revokes an operator.
-- PARAMS   $1 id  text  the operator
-- RETURNS  id; nothing if no active operator has it
-- WHY      Sessions of the operator end with it.
update operators set revoked_at = clock_timestamp() where id = $1::text and revoked_at is null returning id
