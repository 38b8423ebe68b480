-- Records that a refund failed at the gateway after its success: a contradiction, an event, and the sums of its payment.
-- PARAMS   $1 id           text  refund, locked with its payment by this transaction
--          $2 gateway_ref  text  the gateway's id of the refund
--          $3 code         text  why it failed, as the gateway says
--          $4 actor        text  who says so
-- RETURNS  whether it was recorded now: false when it was before; nothing when there is no such refund in SUCCESS
-- WHY      The row keeps its status: the gateway did call it successful. What it returned to the sums may be refunded again.
with refund as (
  select id, parent_id, amount, currency, gateway, gateway_ref, attempt_no, charge_ref
    from payments
   where id = $1::text and movement_kind(id) = 'refund' and status = 'SUCCESS' and gateway_ref = $2::text
), contradiction as (
  insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
  select 'refund_failed', parent_id, gateway, gateway_ref,
         jsonb_build_object('movement_id', id, 'amount', amount, 'currency', currency, 'code', $3::text)
    from refund
      on conflict (kind, gateway, reference) do nothing
returning reference
), noted as (
  update payments p
     set event_seq = p.event_seq + 1, updated_at = clock_timestamp()
    from refund
   where p.id = refund.id and exists (select from contradiction)
returning p.id, p.event_seq, p.attempt_no
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, event_seq, event_type(id, 'failed'), 'SUCCESS', 'SUCCESS', $4::text,
         jsonb_build_object('attempt_no', attempt_no, 'code', $3::text, 'reason', 'it failed at the gateway after its success')
    from noted
), returned as (
  update payments p
     set refunds_reserved = p.refunds_reserved - refund.amount,
         amount_refunded  = p.amount_refunded - refund.amount,
         updated_at       = clock_timestamp()
    from refund
   where p.id = refund.parent_id and refund.charge_ref is null and exists (select from contradiction)
), reopened as (
  -- The charge that it was of is not refunded any more.
  update reconciliation_breaks b
     set resolved_at = null, resolution = null, resolved_by = null, refund_ref = null
    from refund
   where b.payment_id = refund.parent_id and b.reference = refund.charge_ref and b.refund_ref = refund.gateway_ref
     and exists (select from contradiction)
)
select exists (select from contradiction) as is_new from refund
