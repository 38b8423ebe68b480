-- Counts the jobs of a queue by state. No counter is stored: all is computed from where the jobs are.
-- KEYS     as in route.lua
-- RETURNS  ready of level 1..3, leased, delayed, parked, dead, epoch ms of the oldest ready job or -1, now, paused,
--          epoch ms of the next due job or -1, the group's name or ''
local ready, leased, oldest, name = {}, 0, -1, ''

local function see(row)
  local at = row and tonumber(string.match(row[1], '^%d+'))
  if at and (oldest == -1 or at < oldest) then
    oldest = at
  end
end

for level = 1, 3 do
  local stream = KEYS[level]
  local pending, from = 0, '-'
  local group = info('GROUPS', stream)[1]
  if group then
    name, pending, from = group.name, group.pending, '(' .. group['last-delivered-id']
    -- Released entries are ready: no worker has them.
    for _, consumer in ipairs(redis.call('XPENDING', stream, name)[4] or {}) do
      if consumer[1] == RELEASED then
        pending = pending - tonumber(consumer[2])
        see(redis.call('XPENDING', stream, name, '-', '+', 1, RELEASED)[1])
      end
    end
  end
  leased = leased + pending
  ready[level] = math.max(0, redis.call('XLEN', stream) - pending)
  see(redis.call('XRANGE', stream, from, '+', 'COUNT', 1)[1])
end
local following = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
return {
  ready[1], ready[2], ready[3], leased, redis.call('ZCARD', DELAYED), redis.call('ZCARD', PARKED),
  redis.call('XLEN', DLQ), oldest, now_ms(), redis.call('EXISTS', PAUSED), tonumber(following or -1), name,
}
