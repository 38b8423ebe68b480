-- Captures and voids in SUCCESS that the gateway’s ledger does not have.
-- PARAMS   none
-- RETURNS  subject, detail
-- WHY      That a payment has at most one captured charge, and of the amount on record, shows in I1 and I2.

select r.id as subject, 'SUCCESS without an equal ' || movement_kind(r.id) || ' in the ledger' as detail
  from payments r
 where r.parent_id is not null and movement_kind(r.id) in ('capture', 'void') and r.status = 'SUCCESS'
   and not exists (
     select from movement m
      where m.kind = movement_kind(r.id) and m.payment_id = r.parent_id and m.amount = r.amount and m.currency = r.currency);
