-- One idempotency key is one payment.
-- PARAMS   parts, part: number of shares, and the share that is read; everything by default
-- RETURNS  subject, detail
-- WHY      The unique index refuses it, unless it was dropped or is broken.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Refund the second charge, and restore the
--          unique constraint.
\set parts '1'
\set part '0'

with shared as (
  select idempotency_key
    from payments
   where abs(hashtext(idempotency_key)::bigint) % :'parts'::int = :'part'::int
   group by idempotency_key
  having count(*) > 1
)
select p.id as subject, 'another payment has the same idempotency key' as detail
  from shared
  join payments p on p.idempotency_key = shared.idempotency_key
 union all
select id, 'another payment has the same id'
  from payments
 where abs(hashtext(id)::bigint) % :'parts'::int = :'part'::int
 group by id
having count(*) > 1;
