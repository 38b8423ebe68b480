-- Creates an account.
-- PARAMS   $1 id    text  id of the account
--          $2 name  text  for people
--          $3 mode  text  test, live, or null for any gateway
-- RETURNS  the account; no row when the id is taken
insert into accounts (id, name, mode)
values ($1::text, $2::text, $3::text)
    on conflict (id) do nothing
returning id, name, mode, paused_at, created_at
