-- Goes on with ordering keys whose holder somebody deleted: the jobs parked behind it wait for nobody.
-- KEYS        as in route.lua
-- ARGV[1]     cursor of the scan over the ordering keys, '0' for the start
-- RETURNS     next cursor, '0' when the scan is over or nothing is parked
if redis.call('EXISTS', PARKED) == 0 then
  return '0'
end
local reply = redis.call('HSCAN', ORDERING, ARGV[1], 'COUNT', 100)
for i = 1, #reply[2], 2 do
  if string.sub(reply[2][i], -1) ~= '\n' then
    holder_of(reply[2][i])
  end
end
return reply[1]
