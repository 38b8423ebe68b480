-- Starts the next job of each ordering key whose holder somebody deleted: the jobs parked behind it wait in vain.
-- KEYS        as in route.lua
-- ARGV[1]     where to go on in the parked jobs, '-' for the start
-- RETURNS     where to go on, '+' when all keys were looked at
-- WHY         only keys with a parked job are looked at, a hundred at a time: there may be millions of others
local KEYS_AT_A_TIME = 100
local from = ARGV[1]
for _ = 1, KEYS_AT_A_TIME do
  local member = redis.call('ZRANGEBYLEX', PARKED, from, '+', 'LIMIT', 0, 1)[1]
  if not member then
    return '+'
  end
  local key = string.match(member, '^([^%z]*)%z')
  from = '(' .. (key and key .. '\1' or member)
  if key and not holder_of(key) then
    start_next(key)
  end
end
return from
