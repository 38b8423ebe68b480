-- Lists operators, oldest first, revoked ones included.
-- RETURNS  id, name, created_at, revoked_at
-- WHY      Operators are never deleted: the audit record names them.
select id, name, created_at, revoked_at from operators order by created_at, id
