-- Starts the next job of each ordering key whose holder was deleted by hand: the jobs behind it would wait for good.
-- KEYS        as in route.lua
-- ARGV[1]     where to continue in the parked jobs, '-' for the start
-- RETURNS     where to continue, '+' when all keys were checked
-- WHY         only keys with a parked job are checked, a hundred at a time: there may be millions of others
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
