-- Adds N jobs: each to its stream, to the delayed set, or behind its ordering key; a duplicate adds nothing.
-- KEYS[14..]  processed:<id> of the jobs that are deduplicated, in their order
-- ARGV[1]     most jobs the queue may hold, 0 = no limit
-- ARGV[2]     number of plain jobs, then 3 each: level, name, data
-- then        number of full jobs, then 11 each: level, id, dedupe ('1' or ''), due ('' now, '+n' in n ms, 'n' at
--             epoch ms), ordering key, name, meta, data, guard ('', 'dlq', 'slot'), guard subject, guard value
--             guard dlq: subject is the dead letter that becomes this job; slot: subject is the schedule,
--             value '<slot> <next slot>' in epoch ms
-- RETURNS     one string a job: an entry id (plain), '+' added, '=' duplicate, '!' queue full, '?' guard refused
-- WHY         a dead letter is taken last, so a refused job leaves it in place; a slot is taken first, so it
--             moves on even when its job is refused
local room = math.huge
if ARGV[1] ~= '0' then
  room = tonumber(ARGV[1]) - redis.call('ZCARD', DELAYED) - redis.call('ZCARD', PARKED)
  for level = 1, 3 do
    room = room - redis.call('XLEN', KEYS[level])
  end
end

local results, at = {}, 3
for i = 1, tonumber(ARGV[2]) do
  if room < 1 then
    results[i] = '!'
  else
    room = room - 1
    results[i] = redis.call('XADD', KEYS[tonumber(ARGV[at])], '*', 'n', ARGV[at + 1], 'd', ARGV[at + 2])
  end
  at = at + 3
end

local function take_slot(schedule, value)
  local slot, following = string.match(value, '^(%d+) (%d+)$')
  if redis.call('ZSCORE', SLOTS, schedule) ~= slot then
    return false
  end
  redis.call('ZADD', SLOTS, following, schedule)
  return true
end

-- Whether a job of this id waits or runs. What the index says is checked: somebody may have deleted the job.
local function is_alive(id)
  local where = redis.call('HGET', LIVE, id)
  return where and is_at(id, where)
end

local earliest
local marker = FIXED_KEYS
for _ = 1, tonumber(ARGV[at]) do
  local level, id, dedupe, due, key, name, meta, data, guard, subject, value = unpack(ARGV, at + 1, at + 11)
  at = at + 11
  local answer = '+'
  if guard == 'slot' and not take_slot(subject, value) then
    answer = '?'
  end
  if dedupe == '1' then
    marker = marker + 1
    if answer == '+' and (is_alive(id) or redis.call('EXISTS', KEYS[marker]) == 1) then
      answer = '='
    end
  end
  if answer == '+' and room < 1 then
    answer = '!'
  end
  if answer == '+' and guard == 'dlq' and redis.call('XDEL', DLQ, subject) == 0 then
    answer = '?'
  end
  if answer == '+' then
    room = room - 1
    local when = due ~= '' and (string.sub(due, 1, 1) == '+' and now_ms() + tonumber(due) or tonumber(due))
    if when then
      redis.call('ZADD', DELAYED, when, id)
      redis.call('HSET', DELAYED_JOBS, id, seal(level, id, dedupe, key, name, meta, data))
      if dedupe == '1' then
        redis.call('HSET', LIVE, id, 'd')
      end
      earliest = math.min(earliest or when, when)
    else
      place(level, id, dedupe, key, name, meta, data)
    end
  end
  results[#results + 1] = answer
end

if earliest and tonumber(redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]) == earliest then
  signal('due', string.format('%.0f', earliest))
end
return results
