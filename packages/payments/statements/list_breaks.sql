-- Reads the reconciliation breaks of a payment, resolved ones too.
-- PARAMS   $1 payment_id  text  payment
-- RETURNS  the breaks, oldest first; amount is text, as the detail holds it
select kind, gateway, reference, detected_at, resolved_at, resolution, resolved_by, refund_ref,
       coalesce(detail ->> 'charged_amount', detail ->> 'amount') as amount,
       coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
  from reconciliation_breaks
 where payment_id = $1::text
 order by id
