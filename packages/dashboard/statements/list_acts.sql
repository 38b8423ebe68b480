-- Lists a page of acts, newest first.
-- PARAMS   $1 before     bigint  acts with smaller ids only
--          $2 row_limit  int     most rows
-- RETURNS  id, at, operator, credential, is_proven, action, target, note, outcome
-- WHY      The id is the order in which acts began.
select id, at, operator, credential, is_proven, action, target, note, outcome
  from operator_actions where id < $1::bigint order by id desc limit $2::int
