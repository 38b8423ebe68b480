-- Finds an active operator with the hash of the secret.
-- PARAMS   $1 id  text  the public part of a token
-- RETURNS  id, name, created_at, revoked_at, secret_hash
-- WHY      The program compares the hash in constant time.
select id, name, created_at, revoked_at, secret_hash from operators where id = $1::text and revoked_at is null
