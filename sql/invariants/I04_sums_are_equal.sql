-- Finds currencies in which the payments in SUCCESS are not what the gateway captured for payments that are over.
-- SCOPE    ledger
-- PARAMS   $1 gateway: the gateway of the ledger, null for every payment
--          $2 settled: no payment is under way
--          $3 fresh_ms: age from which a fact of the ledger must be in the snapshot, in milliseconds
-- RETURNS  id, what
-- WHY      The sums know nothing of single payments. Charges of unfinished payments are still to come here; a charge that
--          an open contradiction names is left out, unless it is the payment's own.
with ours as (
  select currency, sum(amount) as total
    from payments
   where status = 'SUCCESS' and ($1::text is null or gateway = $1)
   group by currency
), theirs as (
  select c.currency, sum(c.amount) as total
    from charge c
    left join payments p on p.id = c.payment_id
   where case
           when p.id is null then $2::boolean or c.at < now() - $3::float8 * interval '1 millisecond'
           else p.status in ('SUCCESS', 'FAILED')
                and (coalesce(p.status = 'SUCCESS' and p.gateway_ref in (c.id, c.intent_id), false)
                     or not exists (
                       select from reconciliation_breaks b
                        where b.payment_id = p.id and b.reference in (c.id, c.intent_id) and b.resolved_at is null))
         end
   group by c.currency
)
select currency || ' payments ' || coalesce(ours.total, 0) || ', charges ' || coalesce(theirs.total, 0) as id,
       'the sums differ' as what
  from ours
  full join theirs using (currency)
 where ours.total is distinct from theirs.total
