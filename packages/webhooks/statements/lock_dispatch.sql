-- Takes the right to dispatch until the transaction ends, unless another program has it.
-- RETURNS  whether it was taken
-- WHY      A separate statement, so that the next one sees what the previous program dispatched.
--          Any number will do, as long as every program of this project uses the same.
select pg_try_advisory_xact_lock(7414210) as is_held
