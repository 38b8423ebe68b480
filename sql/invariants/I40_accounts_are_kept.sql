-- A payment is stored under a key of its account, and what is done about it is of the same account.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      Otherwise one merchant sees, or is answered with, a payment of another.
-- ADVICE   Find out who wrote to the table, and restore the value from a backup.
\set after ''
\set until ''

select id as subject, 'its key is stored for another account' as detail
  from payments
 where parent_id is null and strpos(idempotency_key, ' ') > 0
   and coalesce(account, '') is distinct from split_part(idempotency_key, ' ', 1)
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'its account is not in its key'
  from payments
 where parent_id is null and account is not null and strpos(idempotency_key, ' ') = 0
   and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select m.id, 'its account is not that of its payment'
  from payments m join payments p on p.id = m.parent_id
 where m.account is distinct from p.account and m.id > :'after' and (:'until' = '' or m.id <= :'until');
