-- Notes that a worker is alive, and forgets workers without a recent heartbeat.
-- KEYS[1]     workers
-- ARGV[1..2]  consumer, ms after which an unresponsive worker is forgotten
-- RETURNS     1
-- WHY         before Redis 7.2 an idle worker leaves no trace: its empty reads do not touch XINFO's idle time
local key, consumer, keep, now = KEYS[1], ARGV[1], tonumber(ARGV[2]), now_ms()
-- Heartbeats of the future come from a clock that was set back. A dead worker must not look alive until then.
for _, ahead in ipairs(redis.call('ZRANGE', key, '(' .. now, '+inf', 'BYSCORE')) do
  redis.call('ZADD', key, now, ahead)
end
redis.call('ZADD', key, now, consumer)
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - keep)
redis.call('PEXPIRE', key, keep)
return 1
