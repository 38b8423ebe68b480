-- An amount is a whole number of minor units from 1 to 2^53 - 1, a currency three capital letters.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A JSON number holds exactly these amounts.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

select id as subject, 'the amount is out of range' as detail
  from payments
 where amount not between 1 and 9007199254740991 and id > :'after' and (:'until' = '' or id <= :'until')
 union all
select id, 'the currency is not three capital letters'
  from payments
 where currency !~ '^[A-Z]{3}$' and id > :'after' and (:'until' = '' or id <= :'until');
