-- Adds N jobs, each to its stream, to the delayed set, or behind its ordering key. A duplicate adds nothing.
-- KEYS        as in route.lua
-- KEYS[14..]  processed:<id> of the jobs that are deduplicated, in their order
-- ARGV[1]     most jobs the queue may hold, 0 = no limit
-- ARGV[2]     number of runs of plain jobs; a run: level, name, number of jobs, the data of each
-- then        number of jobs that are deduplicated and ready at once, their ids, then 4 each: level, name, meta, data
-- then        number of other jobs, then 9 each: level, id, dedupe ('1' or ''), due ('' now, '+n' in n ms, 'n' at
--             epoch ms), ordering key, name, meta, data, the dead letter that becomes this job or ''; a plain job
--             among them has neither id nor meta
-- RETURNS     one word a job, separated by spaces: an entry id (plain), '+' added, '=' duplicate, '!' queue full,
--             '?' no such dead letter
-- WHY         a dead letter is taken last, so a refused job leaves it in place. Jobs come in three forms for speed:
--             runs of plain jobs are one XADD each, jobs of one kind that are deduplicated share their look-ups, and
--             all others go one by one. A plain job that comes alone is the bare XADD, see enqueue.ts
local call, argv = redis.call, ARGV
local room = math.huge
if argv[1] ~= '0' then
  room = tonumber(argv[1]) - call('ZCARD', DELAYED) - call('ZCARD', PARKED)
  for level = 1, 3 do
    room = room - call('XLEN', KEYS[level])
  end
end

local results, filled, at = {}, 0, 3
for _ = 1, tonumber(argv[2]) do
  local stream, name, count = KEYS[tonumber(argv[at])], argv[at + 1], tonumber(argv[at + 2])
  check_types(stream)
  for i = at + 3, at + 2 + count do
    filled = filled + 1
    if room < 1 then
      results[filled] = '!'
    else
      room = room - 1
      results[filled] = call('XADD', stream, '*', 'n', name, 'd', argv[i])
    end
  end
  at = at + 3 + count
end

-- Deduplicated jobs that are ready at once: three commands to look all of them up and one XADD each.
local together = tonumber(argv[at])
if together > 0 then
  local where = call('HMGET', LIVE, unpack(argv, at + 1, at + together))
  local any_delayed = call('EXISTS', DELAYED_JOBS) > 0
  local any_done = call('EXISTS', unpack(KEYS, FIXED_KEYS + 1, FIXED_KEYS + together)) > 0
  local index, added, stored, failure = {}, {}, 0, nil
  local first = at + together + 1
  for i = 1, together do
    local id = argv[at + i]
    local answer = '+'
    if (where[i] and is_at(id, where[i])) or added[id] or (any_delayed and call('HEXISTS', DELAYED_JOBS, id) == 1) or (any_done and call('EXISTS', KEYS[FIXED_KEYS + i]) == 1) then
      answer = '='
    elseif room < 1 then
      answer = '!'
    else
      local level = argv[first]
      local entry = redis.pcall('XADD', KEYS[tonumber(level)], '*', 'n', argv[first + 1], 'd', argv[first + 3], 'm', argv[first + 2])
      if type(entry) == 'table' then
        failure = entry
        break
      end
      added[id] = true
      room = room - 1
      index[stored + 1], index[stored + 2] = id, level .. ':' .. entry .. ':'
      stored = stored + 2
    end
    filled = filled + 1
    results[filled] = answer
    first = first + 4
  end
  if stored > 0 then
    call('HSET', LIVE, unpack(index, 1, stored))
  end
  -- What was added before a failure is in the index, so that trying again doubles nothing.
  if failure then
    return failure
  end
end
at = at + together * 5 + 1

-- Whether a job of this id waits, runs or is done. The index is checked, because the job may have been deleted by hand.
-- A delayed job is found by its id even if the library made that id, which is in no index.
local function is_known(id, processed)
  local where = call('HGET', LIVE, id)
  return (where and is_at(id, where)) or call('HEXISTS', DELAYED_JOBS, id) == 1 or call('EXISTS', processed) == 1
end

local marker = FIXED_KEYS + together
for _ = 1, tonumber(argv[at]) do
  local level, id, dedupe, due, key, name, meta, data, letter = unpack(argv, at + 1, at + 9)
  at = at + 9
  marker = marker + (dedupe == '1' and 1 or 0)
  local answer = '+'
  if dedupe == '1' and is_known(id, KEYS[marker]) then
    answer = '='
  elseif room < 1 then
    answer = '!'
  elseif letter ~= '' and #call('XRANGE', DLQ, letter, letter) == 0 then
    answer = '?'
  else
    room = room - 1
    if due ~= '' then
      delay(due_at(due), level, id, dedupe, key, name, meta, data)
    else
      local entry = place(level, id, dedupe, key, name, meta, data)
      answer = id == '' and entry or '+'
    end
    if letter ~= '' then
      call('XDEL', DLQ, letter)
    end
  end
  filled = filled + 1
  results[filled] = answer
end

signal_due()
return table.concat(results, ' ')
