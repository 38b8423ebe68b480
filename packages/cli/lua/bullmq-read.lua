-- Reads jobs of a BullMQ queue.
-- KEYS[1]   first part of the keys of jobs
-- ARGV[1]   largest data that is returned, in bytes
-- ARGV[2..] ids
-- RETURNS   for each: name, data (null if larger), options, priority, creation time, failed attempts, key of the parent,
--           key of the schedule, number of keys about children, fingerprint; all null for a job that does not exist
-- WHY       one round trip for a page. The fingerprint lets bullmq-park.lua see whether the job changed after it was read
local replies = {}
for at = 2, #ARGV do
  local key = KEYS[1] .. ARGV[at]
  local job = redis.call('HMGET', key, 'name', 'data', 'opts', 'priority', 'timestamp', 'atm', 'attemptsMade', 'parentKey', 'rjk')
  local name, data, opts, priority, created, attempts, attempts_4, parent, schedule = unpack(job, 1, 9)
  local parts = { name, data or '', opts or '', priority or '', parent or '', attempts or '', attempts_4 or '' }
  local print = name and redis.sha1hex(table.concat(parts, '\n'))
  if data and #data > tonumber(ARGV[1]) then
    data = false
  end
  local children = redis.call('EXISTS', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
  replies[at - 1] = { name, data, opts, priority, created, attempts or attempts_4, parent, schedule, children, print }
end
return replies
