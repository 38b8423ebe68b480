-- Pauses an account, or resumes it.
-- PARAMS   $1 id         text  id of the account
--          $2 is_paused  bool  whether nothing of it is claimed from now on
-- RETURNS  the account; no row when there is none
update accounts
   set paused_at = case when $2::bool then coalesce(paused_at, clock_timestamp()) end
 where id = $1::text
returning id, name, mode, paused_at, created_at
