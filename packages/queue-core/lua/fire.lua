-- Fires one slot of a recurring job: adds its job and advances to the next slot, if slot and definition are those that
-- were read. Two workers that see a slot, or a definition that is replaced meanwhile, fire nothing twice.
-- KEYS          as in route.lua
-- KEYS[14..15]  schedules, processed:<id> of the job
-- ARGV[1..3]    key of the recurring job, its slot in epoch ms, its definition or '' if there is none
-- ARGV[4]       its next slot in epoch ms, or '' when it cannot be fired, which removes the slot
-- ARGV[5..10]   level, id, ordering key, name, meta and data of the job, none without a next slot
-- ARGV[11]      '1' to add the job although the one of the last firing waits
-- RETURNS       1 if that was done, 0 if slot or definition are other ones
-- WHY           while the job of the last firing waits none is added, or a queue that falls behind would fill without end.
--               The slot advances last: a job that cannot be placed now is placed later
local schedule, slot, definition, following = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if tonumber(redis.call('ZSCORE', SLOTS, schedule) or '') ~= tonumber(slot) or (redis.call('HGET', KEYS[14], schedule) or '') ~= definition then
  return 0
end
if following == '' then
  redis.call('ZREM', SLOTS, schedule)
  return 1
end
local level, id, key, name, meta, data = unpack(ARGV, 5, 10)

-- Whether a job of this id is in the queue and no worker has started it.
local function waits(other)
  local where = redis.call('HGET', LIVE, other)
  if not where or not is_at(other, where) then
    return false
  end
  local at_level, entry = locate(where)
  return not at_level or not is_leased(KEYS[tonumber(at_level)], entry)
end

local where = redis.call('HGET', LIVE, id)
local last = redis.call('HGET', KEYS[14], schedule .. '\n')
local is_repeat = tonumber(last and string.match(last, '@(%d+)$') or -1) >= tonumber(slot)
if
  not (where and is_at(id, where))
  and redis.call('EXISTS', KEYS[15]) == 0
  and not is_repeat
  and not (last and ARGV[11] ~= '1' and waits(last))
then
  place(level, id, '1', key, name, meta, data)
  redis.call('HSET', KEYS[14], schedule .. '\n', id)
end
redis.call('ZADD', SLOTS, following, schedule)
return 1
