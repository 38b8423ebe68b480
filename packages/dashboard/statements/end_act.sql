-- Records the outcome of an act.
-- PARAMS   $1 id       bigint  the act
--          $2 outcome  text    its result in a few words
-- RETURNS  nothing
-- WHY      A trigger refuses a second outcome and every other change.
update operator_actions set outcome = $2::text, ended_at = clock_timestamp() where id = $1::bigint
