-- Takes a repeating job of a BullMQ queue, and its next job, out of the reach of its workers.
-- KEYS[1..2] the repeating jobs, those in transit
-- KEYS[3..6] wait, paused, prioritized, delayed
-- KEYS[7..8] its definition, its next job
-- ARGV[1..3] its key, its next slot in epoch ms, id of its next job
-- ARGV[4]    its definition for the target, as JSON
-- RETURNS    1 if it was taken, 0 if its slot changed or its next job is locked
-- WHY        a worker that starts the next job adds the one after it, so both go in one step. What is kept begins with '1'
--            if the next job had not started: its slot is the target's
local call = redis.call
if tonumber(call('ZSCORE', KEYS[1], ARGV[1]) or '') ~= tonumber(ARGV[2]) or call('EXISTS', KEYS[8] .. ':lock') == 1 then
  return 0
end
local id = ARGV[3]
local waits = call('ZSCORE', KEYS[6], id) or call('ZSCORE', KEYS[5], id)
for _, list in ipairs({ KEYS[3], KEYS[4] }) do
  waits = waits or call('LPOS', list, id)
end
if not waits and call('EXISTS', KEYS[8]) == 1 and not call('HGET', KEYS[8], 'finishedOn') then
  -- A worker of version 4 has it, and no lock on it yet.
  return 0
end
call('HSET', KEYS[2], ARGV[1], (waits and '1' or '0') .. ARGV[4])
if waits then
  call('ZREM', KEYS[6], id)
  call('ZREM', KEYS[5], id)
  call('LREM', KEYS[3], 1, id)
  call('LREM', KEYS[4], 1, id)
  call('DEL', KEYS[8], KEYS[8] .. ':logs')
end
call('DEL', KEYS[7])
call('ZREM', KEYS[1], ARGV[1])
return 1
