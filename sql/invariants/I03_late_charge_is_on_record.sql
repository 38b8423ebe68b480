-- Finds charges on record that only one of their records names: the payment's row or the contradictions.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      One statement, or a trigger, keeps them in step. Without the contradiction nobody refunds the charge.
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
 union all
select p.id, 'its number of open charges is not that of its contradictions'
  from payments p
  left join (select payment_id, count(*) as count
               from reconciliation_breaks
              where resolved_at is null and kind <> 'missing_at_gateway' and payment_id > $1 and ($2::text is null or payment_id <= $2)
              group by payment_id) open on open.payment_id = p.id
 where p.open_charges <> coalesce(open.count, 0) and p.id > $1 and ($2::text is null or p.id <= $2)
