-- Takes jobs of a BullMQ queue out of the reach of its workers: out of their state, into the jobs in transit.
-- KEYS[1..4] a state, the jobs in transit, first part of the keys of jobs, the repeating jobs
-- ARGV[1]    name of the state
-- then       2 each: id, fingerprint of the job as it was read
-- RETURNS    for each job, its member of the jobs in transit: state, due time, time of this step, id; '' if it was not taken
-- WHY        a job is in one place at any time, so either a BullMQ worker runs it or the import moves it. A job that left
--            the state, changed after it was read, is locked, or belongs to a repeating job, stays: without it BullMQ
--            would add no next one. The new place is filled before the old one is emptied
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_list = ARGV[1] == 'wait' or ARGV[1] == 'paused'
local turn = tonumber(call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2] or 0)

local function print_of(key)
  local fields = call('HMGET', key, 'name', 'data', 'opts', 'priority', 'parentKey', 'atm', 'attemptsMade')
  for at = 1, 7 do
    fields[at] = fields[at] or ''
  end
  return redis.sha1hex(table.concat(fields, '\n'))
end

local members = {}
for at = 2, #ARGV, 2 do
  local id, key = ARGV[at], KEYS[3] .. ARGV[at]
  local score = not is_list and call('ZSCORE', KEYS[1], id)
  local schedule = call('HGET', key, 'rjk')
  local is_bound = call('EXISTS', key .. ':lock') == 1 or (schedule and call('ZSCORE', KEYS[4], schedule))
  local member = ''
  if (is_list or score) and not is_bound and print_of(key) == ARGV[at + 1] then
    -- The score of a delayed job is its due time × 4096 and a counter.
    local due = ARGV[1] == 'delayed' and math.floor(tonumber(score) / 4096) or 0
    member = string.format('%s:%.0f:%.0f:%s', ARGV[1], due, now, id)
    turn = turn + 1
    call('ZADD', KEYS[2], turn, member)
    local removed = is_list and call('LREM', KEYS[1], -1, id) or not is_list and call('ZREM', KEYS[1], id)
    if removed == 0 then
      call('ZREM', KEYS[2], member)
      member = ''
    end
  end
  members[#members + 1] = member
end
return members
