-- Deletes jobs of a BullMQ queue that are in the target.
-- KEYS[1..4] jobs in transit, first part of the keys of jobs, events, meta
-- ARGV       2 each: member of the jobs in transit, id
-- RETURNS    how many were in transit
-- WHY        deletes what BullMQ deletes with a job, also its deduplication key, and reports it as BullMQ does
local call = redis.call
local longest = call('HGET', KEYS[4], 'opts.maxLenEvents') or 10000
local count = 0
for at = 1, #ARGV, 2 do
  local id, key = ARGV[at + 1], KEYS[2] .. ARGV[at + 1]
  if call('ZSCORE', KEYS[1], ARGV[at]) then
    local shared = call('HGET', key, 'deid')
    if shared and call('GET', KEYS[2] .. 'de:' .. shared) == id then
      call('DEL', KEYS[2] .. 'de:' .. shared, KEYS[2] .. 'dn:' .. shared)
    end
    call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
    call('XADD', KEYS[3], 'MAXLEN', '~', longest, '*', 'event', 'removed', 'jobId', id, 'prev', (string.match(ARGV[at], '^%a+')))
    call('ZREM', KEYS[1], ARGV[at])
    count = count + 1
  end
end
return count
