-- Moves up to N delayed jobs that are due, by the server's clock, to where they are ready.
-- ARGV[1]  most jobs to move
-- RETURNS  moved, due time of the next delayed job in epoch ms or -1, now in epoch ms, 1 if the queue is paused
local now = now_ms()
local ids = redis.call('ZRANGE', DELAYED, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  local envelope = redis.call('HGET', DELAYED_JOBS, id)
  redis.call('ZREM', DELAYED, id)
  redis.call('HDEL', DELAYED_JOBS, id)
  if envelope then
    place(open(envelope))
  end
end
local following = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
return { #ids, tonumber(following or -1), now, redis.call('EXISTS', PAUSED) }
