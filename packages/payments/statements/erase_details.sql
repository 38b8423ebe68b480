-- Erases what payments said of themselves; the digest stays.
-- PARAMS   $1 ids  text[]  payments, all of them final
-- RETURNS  id of each payment that had something to erase
update payment_details
   set payment_method = null, customer = null, reference = null, description = null, statement_descriptor = null,
       metadata = null, return_url = null, next_action = null, erased_at = clock_timestamp()
 where payment_id = any($1::text[]) and erased_at is null
returning payment_id
