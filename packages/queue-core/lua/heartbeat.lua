-- Notes that a worker is alive, and forgets workers that have not said so for a while.
-- KEYS[1]     workers
-- ARGV[1..2]  consumer, ms after which a silent worker is forgotten
-- RETURNS     1
-- WHY         before Redis 7.2 an idle worker leaves no trace: its empty reads do not touch XINFO's idle time
local key, consumer, keep = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Beats of the future come from a clock that was set back. A dead worker must not look alive until then.
for _, ahead in ipairs(redis.call('ZRANGE', key, '(' .. now, '+inf', 'BYSCORE')) do
  redis.call('ZADD', key, now, ahead)
end
redis.call('ZADD', key, now, consumer)
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - keep)
redis.call('PEXPIRE', key, keep)
return 1
