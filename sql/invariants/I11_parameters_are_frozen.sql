-- Amount, currency and gateway under a gateway key never change.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A key that is sent with other parameters is refused, or charges the wrong amount.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

select p.id as subject, 'an attempt of another amount or currency' as detail
  from attempt_history a
  join payments p on p.id = a.payment_id
 where (a.amount, a.currency) is distinct from (p.amount, p.currency)
   and a.payment_id > :'after' and (:'until' = '' or a.payment_id <= :'until')
   and p.id > :'after' and (:'until' = '' or p.id <= :'until')
 union all
select p.id, 'its current attempt is at another gateway'
  from attempt_history a
  join payments p on p.id = a.payment_id and p.attempt_no = a.attempt_no
 where a.gateway is distinct from p.gateway
   -- A charge that came to light late, and was accepted, may be at the gateway of an earlier attempt.
   and not exists (select from reconciliation_breaks b
                    where b.payment_id = p.id and b.kind = 'late_charge' and b.gateway = p.gateway and b.reference = p.gateway_ref
                      and p.status = 'SUCCESS')
   and a.payment_id > :'after' and (:'until' = '' or a.payment_id <= :'until')
   and p.id > :'after' and (:'until' = '' or p.id <= :'until');
