-- Reads the open differences of a gateway that comparisons found, oldest first.
-- PARAMS   $1 gateway  text  gateway
--          $2 limit    int   most differences
-- RETURNS  each difference
select kind, payment_id, gateway, reference, detail
  from reconciliation_breaks
 where gateway = $1::text and resolved_at is null and detail ? 'found_by'
 order by detected_at
 limit $2::int
