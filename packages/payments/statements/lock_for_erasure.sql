-- Locks a payment and its captures, voids and refunds for an erasure.
-- PARAMS   $1 id  text  payment
-- RETURNS  id of each, and whether it is final
select id, status in ('SUCCESS', 'FAILED') as is_final from payments
 where id = $1::text or parent_id = $1::text
 order by id
   for update
