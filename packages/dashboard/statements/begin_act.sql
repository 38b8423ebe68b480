-- Records an act before it is performed.
-- PARAMS   $1 operator    text     name of the person
--          $2 credential  text     what the person presented
--          $3 is_proven   boolean  whether the credential belongs to this person alone
--          $4 action      text     what is done
--          $5 target      text     what it acts on
--          $6 note        text     reason or evidence, may be empty
-- RETURNS  id
-- WHY      While an act cannot be recorded, nothing is done.
insert into operator_actions (operator, credential, is_proven, action, target, note)
values ($1::text, $2::text, $3::boolean, $4::text, $5::text, $6::text)
returning id
