-- Finds late charges that only one of their two records names: the payment's row and the contradictions.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      One statement writes both. Without the contradiction nobody refunds the charge.
select p.id, 'its late charge has no contradiction on record' as what
  from payments p
 where p.late_charge_ref is not null and p.id > $1 and ($2::text is null or p.id <= $2)
   and not exists (select from reconciliation_breaks b where b.reference = p.late_charge_ref)
 union all
select p.id, 'a late charge is open, and the payment is not parked for it'
  from reconciliation_breaks b
  join payments p on p.id = b.payment_id
 where b.kind = 'late_charge' and b.resolved_at is null and b.payment_id > $1 and ($2::text is null or b.payment_id <= $2)
   and p.status not in ('SUCCESS', 'FAILED') and p.late_charge_ref is null
