-- Locks a charge until the transaction ends.
-- PARAMS   $1 gateway_ref  text  the gateway's id of the charge
-- RETURNS  nothing
-- WHY      Of two decisions that name one charge, the second sees the first, also where history kept the index of
--          charges from being unique. Any seed will do, as long as every program uses the same.
select pg_advisory_xact_lock(hashtextextended($1::text, 7414216))
