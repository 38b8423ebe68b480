-- Moves the mark of a comparison on, and extends its claim.
-- PARAMS   $1 gateway     text         gateway
--          $2 account     text         account whose credentials are used
--          $3 owner       text         program that compares
--          $4 done_until  timestamptz  every record before was compared; null: no further than before
--          $5 lease_ms    float8       how long the claim lasts from now on; 0 releases it
-- RETURNS  a row when the claim is still held
update reconciliation_marks
   set done_until  = greatest(done_until, $4::timestamptz),
       lease_owner = case when $5::float8 > 0 then lease_owner end,
       lease_until = case when $5::float8 > 0 then clock_timestamp() + $5::float8 * interval '1 millisecond' end
 where gateway = $1::text and account = $2::text and lease_owner = $3::text
returning gateway
