-- Renews N leases: resets the idle time of each entry that still belongs to this consumer and delivery.
-- KEYS[1..3]  streams by level; KEYS[4] paused
-- ARGV[1..2]  group, consumer
-- ARGV[3..]   4 each: level, entry id, delivery count, idle time to set in ms (0, or what a shorter visibility
--             timeout of the job takes off the queue's)
-- RETURNS     1 if the queue is paused, then the positions (from 0) of the leases that are lost
-- WHY         XCLAIM would steal an entry back from its new owner, so XPENDING is asked first
local group, consumer = ARGV[1], ARGV[2]
local results = { redis.call('EXISTS', KEYS[4]) }
for at = 3, #ARGV, 4 do
  local stream, entry, count, idle = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local rows = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  local row = rows[1]
  -- Without a group there are no leases: the next read of the new group decides who has which.
  local renewed = rows.err ~= nil and string.find(rows.err, 'NOGROUP', 1, true) ~= nil
  if row and row[2] == consumer and row[4] == count then
    renewed = #redis.call('XCLAIM', stream, group, consumer, 0, entry, 'IDLE', idle, 'JUSTID') > 0
  end
  if not renewed then
    results[#results + 1] = (at - 3) / 4
  end
end
return results
