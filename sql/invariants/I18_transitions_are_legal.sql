-- Every transition is legal, and the schema that refuses others is as the migrations made it.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      The triggers refuse such a step, unless they are disabled. A step after the end is a breach of I07.
-- ADVICE   Restore the object as the files in sql/ define it. Until then the database refuses nothing. Compare `titan
--          payments show <id>` with the gateway’s records.
\set after ''
\set until ''

select distinct payment_id as subject, 'an illegal transition' as detail
  from payment_history
 where coalesce(from_status, '') not in ('SUCCESS', 'FAILED')
   and (coalesce(from_status, ''), to_status) not in (values
         ('', 'PENDING'),
         ('PENDING', 'QUEUED'), ('PENDING', 'PROCESSING'), ('PENDING', 'FAILED'),
         ('QUEUED', 'QUEUED'), ('QUEUED', 'PROCESSING'), ('QUEUED', 'FAILED'),
         ('PROCESSING', 'PROCESSING'), ('PROCESSING', 'QUEUED'), ('PROCESSING', 'SUCCESS'), ('PROCESSING', 'FAILED'))
   and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
 union all
select id, 'not in flight, and yet with a charge or an unknown outcome'
  from payments
 where status in ('PENDING', 'QUEUED') and id > :'after' and (:'until' = '' or id <= :'until')
   and (gateway_ref is not null or unknown_since is not null or late_charge_ref is not null)
 union all
select id, 'PENDING, and yet with a claim or an attempt'
  from payments
 where status = 'PENDING' and (fence <> 0 or attempt_no <> 0 or attempt_open) and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'PROCESSING without a claim'
  from payments
 where status = 'PROCESSING' and fence < 1 and id > :'after' and (:'until' = '' or id <= :'until');
