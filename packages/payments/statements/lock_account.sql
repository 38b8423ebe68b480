-- Locks an account until the transaction ends.
-- PARAMS   $1 id  text  id of the account
-- RETURNS  the id; no row when there is none
select id from accounts where id = $1::text for no key update
