-- Marks an account as one of test or live money, for good.
-- PARAMS   $1 id    text  id of the account
--          $2 mode  text  test or live
-- RETURNS  the account; no row when there is none, or when it is of the other mode
update accounts a
   set mode = $2::text
 where id = $1::text and coalesce(mode, $2::text) = $2::text
   and not exists (select from gateway_credentials c where c.account = a.id and c.ended_at is null and c.mode <> $2::text)
returning id, name, mode, paused_at, created_at
