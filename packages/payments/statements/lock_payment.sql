-- Locks a payment for the statements that follow in the transaction.
-- PARAMS   $1 id  text  payment
-- RETURNS  an empty row, or nothing
-- WHY      Each of them sees what was committed before the lock was granted; a condition on another table in one
--          statement with the lock would see an older state.
select from payments where id = $1::text for update
