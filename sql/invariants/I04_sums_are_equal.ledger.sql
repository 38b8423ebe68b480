-- Per currency, the payments in SUCCESS add up to what the gateway captured.
-- PARAMS   settled: true when no payment is in flight any more
--          fresh_ms: age from which a fact of the ledger must be in PostgreSQL, in milliseconds
-- RETURNS  subject, detail
-- WHY      The sums are independent of single payments. Charges of unfinished payments are not yet counted; a charge
--          that an open contradiction names is left out, unless it is the payment’s own.
-- ADVICE   See I01 to I03 for the payments. A charge without a payment is not ours: look for another sender.
-- NEEDS    ledger
\set settled 'false'
\set fresh_ms '5000'

with ours as (
  select currency, sum(amount) as total from expected group by currency
), theirs as (
  select c.currency, sum(c.amount) as total
    from charge c
    left join payments p on p.id = c.payment_id
   where case
           when p.id is null then :'settled' = 'true' or c.at < now() - :'fresh_ms'::float8 * interval '1 millisecond'
           else p.status in ('SUCCESS', 'FAILED')
                and (coalesce(p.status = 'SUCCESS' and p.gateway_ref in (c.id, c.intent_id), false)
                     or not exists (
                       select from reconciliation_breaks b
                        where b.payment_id = p.id and b.reference in (c.id, c.intent_id) and b.resolved_at is null))
         end
   group by c.currency
)
select currency || ' payments ' || coalesce(ours.total, 0) || ', charges ' || coalesce(theirs.total, 0) as subject,
       'the sums differ' as detail
  from ours
  full join theirs using (currency)
 where ours.total is distinct from theirs.total;
