-- Takes up to N tokens from the bucket of a rate limit; the bucket refills by the server's clock.
-- KEYS[1]     rate
-- ARGV[1..3]  tokens a full bucket holds, ms in which an empty bucket fills, tokens wanted
-- RETURNS     tokens granted, ms until the next token (0 if all were granted)
local max, per, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1] or max)
local elapsed = math.max(0, now - tonumber(bucket[2] or now))
tokens = math.min(max, tokens + elapsed * max / per)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.3f', now))
redis.call('PEXPIRE', KEYS[1], math.max(1000, per * 2))
local wait = granted < wanted and math.max(1, math.ceil((1 - tokens) * per / max)) or 0
return { granted, wait }
