-- Locks a payment for the statements that follow in the transaction; a capture, void or refund together with its payment.
-- PARAMS   $1 id       text  payment
--          $2 account  text  account that asks, which waits for no other's payments; null for an operator
-- RETURNS  an empty row for each, or nothing
-- WHY      Each of them sees what was committed before the lock was granted; a condition on another table in one
--          statement with the lock would see an older state. Both rows are locked in the order of their ids, as in settle.sql.
select from payments
 where id in ($1::text, (select parent_id from payments where id = $1::text))
   and ($2::text is null or coalesce(account, 'default') = $2::text)
 order by id
   for update
