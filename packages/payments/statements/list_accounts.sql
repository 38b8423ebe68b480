-- Lists accounts, oldest first.
-- PARAMS   $1 id  text  only this one; null for all
-- RETURNS  the accounts
select id, name, mode, paused_at, created_at
  from accounts
 where $1::text is null or id = $1::text
 order by created_at, id
