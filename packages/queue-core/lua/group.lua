-- Creates the group on every stream, from the very first entry, so that earlier jobs are not skipped.
-- KEYS[1..3]  streams by level
-- ARGV[1]     group
-- RETURNS     1 if it was missing on some stream, name of another group that works the queue or '': then none is created
-- WHY         XGROUP CREATE is refused when memory has run out, even if the group is there; this script is not, and
--             workers that drain a full server must be able to start. Two groups that start at the same time would
--             both find none if that was not checked in the same step
for level = 1, 3 do
  for _, group in ipairs(info('GROUPS', KEYS[level])) do
    if group.name ~= ARGV[1] then
      return { 0, group.name }
    end
  end
end
local missing = 0
for level = 1, 3 do
  local reply = redis.pcall('XGROUP', 'CREATE', KEYS[level], ARGV[1], '0', 'MKSTREAM')
  if reply.err == nil then
    missing = 1
  elseif not string.find(reply.err, 'BUSYGROUP', 1, true) then
    return reply
  end
end
return { missing, '' }
