-- Payments in FAILED with a captured charge in the gateway’s ledger that no open contradiction names.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      A charge with a recorded refund is no longer in the table of charges.

select p.id as subject, 'FAILED, and the gateway captured a charge that is not on record' as detail
  from payments p
  join charge c on c.payment_id = p.id
 where p.status = 'FAILED'
   and not exists (
     select from reconciliation_breaks b
      where b.payment_id = p.id and b.reference in (c.id, c.intent_id) and b.resolved_at is null);
