-- Closes what a comparison had found, because a later one found agreement.
-- PARAMS   $1 gateway     text  gateway
--          $2 reference   text  the gateway's id of the record
--          $3 resolution  text  what was found
-- RETURNS  a row for each difference that this closed
update reconciliation_breaks
   set resolved_at = clock_timestamp(), resolution = $3::text, resolved_by = 'reconciliation'
 where gateway = $1::text and reference = $2::text and resolved_at is null and detail ? 'found_by'
returning kind
