-- Creates, replaces or removes one recurring job. Its definition and its slot change in one step.
-- KEYS[1..3]  schedules, slots, control
-- ARGV[1..3]  key of the recurring job, its definition or '' to remove it, its next slot in epoch ms or ''
-- RETURNS     0 if there was none, 2 if there was another definition, else 1
-- WHY         of two processes that deploy different definitions, one wins with its own slot. An unchanged definition
--             keeps its slot, because a restart must not push a firing that is due into the future
local key, definition, slot = ARGV[1], ARGV[2], ARGV[3]
if definition == '' then
  return math.max(redis.call('ZREM', KEYS[2], key), redis.call('HDEL', KEYS[1], key, key .. '\n'))
end
local before = redis.call('HGET', KEYS[1], key)
if before == definition then
  redis.call('ZADD', KEYS[2], 'NX', slot, key)
else
  redis.call('ZADD', KEYS[2], slot, key)
  redis.call('HDEL', KEYS[1], key .. '\n')
end
redis.call('HSET', KEYS[1], key, definition)
-- A signal that cannot be stored costs a second at most.
redis.pcall('XADD', KEYS[3], 'MAXLEN', '64', '*', 'e', 'due', 'v', slot)
return not before and 0 or before == definition and 1 or 2
