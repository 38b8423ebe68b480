-- Makes room for one request to a gateway within the limits of all processes together.
-- KEYS     1 rate state, 2 conversations by the end of their lease, 3 processes by the end of their mark
-- ARGV     1 most requests a second, 0 without such a limit   2 most conversations at once, 0 without
--          3 the conversation that begins, '' for a further request of one   4 length of its lease in milliseconds
--          5 the process
-- RETURNS  {milliseconds to wait, processes}; 0 when there was room, and it is taken
-- WHY      One clock, the server's. A process that dies leaves conversations whose lease ends, and a mark that ends.
--          Requests flow evenly, but for a twentieth of the rate that may come at once: no second has more than the rate.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local rate, most, member, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local MARK_MS = 30000

redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + MARK_MS, ARGV[5])
redis.call('PEXPIRE', KEYS[3], MARK_MS)
local processes = redis.call('ZCARD', KEYS[3])

if most > 0 and member ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  -- A call whose answer came too late has its place already.
  if redis.call('ZCARD', KEYS[2]) >= most and not redis.call('ZSCORE', KEYS[2], member) then return { 50, processes } end
end

if rate > 0 then
  local interval = 1000 / (rate * 0.95)
  local burst = math.max(1, rate * 0.05)
  local due = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
  -- Requests cannot have brought it so far ahead: the clock of the server was set back, or is another server's.
  if due > now + burst * interval + 1000 then due = now + (burst - 1) * interval end
  local wait = due - (burst - 1) * interval - now
  if wait > 0 then return { math.ceil(wait), processes } end
  redis.call('SET', KEYS[1], string.format('%.3f', due + interval), 'PX', math.ceil(due + interval - now) + 1000)
end

if most > 0 and member ~= '' then
  redis.call('ZADD', KEYS[2], now + lease, member)
  redis.call('PEXPIRE', KEYS[2], lease)
end
return { 0, processes }
