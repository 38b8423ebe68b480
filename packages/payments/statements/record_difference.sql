-- Records what a comparison with a gateway's own list found, once; one that had closed by itself is open again.
-- PARAMS   $1 kind        text  kind of the difference
--          $2 payment_id  text  payment or movement, or null when there is none here
--          $3 gateway     text  gateway
--          $4 reference   text  the gateway's id of the record, or our key where it gave none
--          $5 detail      text  JSON object
-- RETURNS  one row: whether the difference is open, and whether it is so by this
-- WHY      A charge that is on record as a contradiction needs no second one, and what an operator resolved stays so.
with known as (
  select bool_or(resolved_at is null) as is_open
    from reconciliation_breaks
   where gateway = $3::text and reference = $4::text and kind = any('{missing_at_gateway,missing_here,amount_mismatch,currency_mismatch,status_mismatch,duplicate_charge,late_charge,refund_failed}'::text[])
     and (resolved_at is null or resolved_by is distinct from 'reconciliation')
), written as (
  insert into reconciliation_breaks as b (kind, payment_id, gateway, reference, detail)
  select $1::text, $2::text, $3::text, $4::text, $5::text::jsonb
   where (select is_open from known) is null
      on conflict (kind, gateway, reference) do update
     set resolved_at = null, resolution = null, resolved_by = null, detected_at = clock_timestamp(),
         detail = excluded.detail || jsonb_build_object('closed_before', b.resolved_at)
   where b.resolved_at is not null and b.resolved_by = 'reconciliation'
returning 1
)
select exists (select from written) or coalesce((select is_open from known), false) as is_open,
       exists (select from written) as is_new
