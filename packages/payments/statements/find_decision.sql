-- Finds a decision that was made before.
-- PARAMS   $1 id           text  payment
--          $2 actor        text  operator who decided
--          $3 event        text  type of the event
--          $4 note         text  evidence
--          $5 gateway_ref  text  charge that the decision named, or null
-- RETURNS  a row for each such decision
select from payment_history
 where payment_id = $1::text and actor = $2::text and type = $3::text and evidence ->> 'note' = $4::text
   and evidence ->> 'gateway_ref' is not distinct from $5::text
