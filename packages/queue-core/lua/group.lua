-- Makes the group on every stream, from the very first entry, so that nothing enqueued before is passed over.
-- KEYS[1..3]  streams by level
-- ARGV[1]     group
-- RETURNS     1 if it was missing on some stream, name of another group that works the queue or '': then nothing is made
-- WHY         XGROUP CREATE is refused when memory has run out, even if the group is there; this script is not, and
--             workers that drain a full server must be able to start; two groups that start at the same moment
--             would both find none if this was not looked at in the same step
for level = 1, 3 do
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[level])
  for _, info in ipairs(groups.err == nil and groups or {}) do
    for i = 1, #info, 2 do
      if info[i] == 'name' and info[i + 1] ~= ARGV[1] then
        return { 0, info[i + 1] }
      end
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
