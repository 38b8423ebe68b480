-- Finds amounts and currencies that no request can have.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      An amount is a whole number of minor units from 1 to 2^53 - 1, which a JSON number holds exactly.
select id, 'the amount is out of range' as what
  from payments
 where amount not between 1 and 9007199254740991 and id > $1 and ($2::text is null or id <= $2)
 union all
select id, 'the currency is not three capital letters'
  from payments
 where currency !~ '^[A-Z]{3}$' and id > $1 and ($2::text is null or id <= $2)
