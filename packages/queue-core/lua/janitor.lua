-- Forgets consumers that read nothing for a while. One with pending entries is never touched:
-- XGROUP DELCONSUMER would drop them (https://redis.io/docs/latest/commands/xgroup-delconsumer/).
-- KEYS[1..3]  streams by level
-- ARGV[1..3]  group, consumer to forget at once or '', idle time in ms from which any other consumer is forgotten
-- RETURNS     names of the consumers that were forgotten on some stream
local group, leaving, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local forgotten = {}
for level = 1, 3 do
  for _, consumer in ipairs(info('CONSUMERS', KEYS[level], group)) do
    local is_leaving = consumer.name == leaving or (consumer.idle >= limit and consumer.name ~= RELEASED)
    if is_leaving and consumer.pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[level], group, consumer.name)
      forgotten[#forgotten + 1] = consumer.name
    end
  end
end
return forgotten
