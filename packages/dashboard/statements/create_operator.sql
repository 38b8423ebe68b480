-- Creates an operator.
-- PARAMS   $1 id           text   random
--          $2 name         text   of the person
--          $3 secret_hash  bytea  SHA-256 of the token's secret
-- RETURNS  the operator; nothing while an active operator has this name
-- WHY      A name in the audit record belongs to one active person.
insert into operators (id, name, secret_hash) values ($1::text, $2::text, $3::bytea)
    on conflict (name) where revoked_at is null do nothing
returning id, name, created_at, revoked_at
