-- Shared head of the scripts that move jobs: the names of the keys, and the two ways a job becomes ready.
-- KEYS[1..3]  streams of level 1 high, 2 default, 3 low
-- KEYS[4..13] delayed, delayed:jobs, dlq, live, parked, ordering, sequence, control, slots, paused
local DELAYED, DELAYED_JOBS, DLQ, LIVE = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local PARKED, ORDERING, SEQUENCE, CONTROL, SLOTS, PAUSED = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local FIXED_KEYS = 13

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function signal(event, value)
  redis.call('XADD', CONTROL, 'MAXLEN', '64', '*', 'e', event, 'v', value)
end

-- An envelope is a job outside a stream: six lines (level, id, dedupe, ordering key, name, meta), then the data.
local function seal(level, id, dedupe, key, name, meta, data)
  return table.concat({ level, id, dedupe, key, name, meta, data }, '\n')
end

local function open(envelope)
  return string.match(envelope, '^(%d)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
end

local function append(level, id, dedupe, key, name, meta, data)
  local entry
  if meta == '' then
    entry = redis.call('XADD', KEYS[tonumber(level)], '*', 'n', name, 'd', data)
  else
    entry = redis.call('XADD', KEYS[tonumber(level)], '*', 'n', name, 'd', data, 'm', meta)
  end
  if dedupe == '1' then
    redis.call('HSET', LIVE, id, level .. ':' .. entry .. ':' .. key)
  end
  return entry
end

-- Gives an ordering key that `id` held to the first job parked behind it.
local function free(key, id)
  if redis.call('HGET', ORDERING, key) ~= id then
    return
  end
  local parked = redis.call('ZRANGEBYLEX', PARKED, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1)[1]
  if not parked then
    redis.call('HDEL', ORDERING, key)
    return
  end
  redis.call('ZREM', PARKED, parked)
  local level, next_id, dedupe, _, name, meta, data = open(string.sub(parked, #key + 19))
  redis.call('HSET', ORDERING, key, next_id)
  append(level, next_id, dedupe, key, name, meta, data)
end

-- Whether a job is where the index says.
local function is_at(id, where)
  if where == 'd' then
    return redis.call('HEXISTS', DELAYED_JOBS, id) == 1
  end
  local level, entry = string.match(where, '^(%d):([^:]*):')
  return not level or #redis.call('XRANGE', KEYS[tonumber(level)], entry, entry) > 0
end

-- Whether somebody deleted the job and no worker runs it. Only jobs whose id a producer gave are in the index; any
-- other counts as there.
local function is_gone(id)
  local where = redis.call('HGET', LIVE, id)
  if not where or is_at(id, where) then
    return false
  end
  local level, entry = string.match(where, '^(%d):([^:]*):')
  if level then
    local stream = KEYS[tonumber(level)]
    local groups = redis.pcall('XINFO', 'GROUPS', stream)
    for _, group in ipairs(groups.err == nil and groups or {}) do
      local row = redis.call('XPENDING', stream, group[2], entry, entry, 1)[1]
      if row and row[2] ~= '_released' then
        return false
      end
    end
  end
  return true
end

-- Makes a job ready: into its stream, or parked while another job holds its ordering key.
local function place(level, id, dedupe, key, name, meta, data)
  if key ~= '' then
    local holder = redis.call('HGET', ORDERING, key)
    if holder and holder ~= id and is_gone(holder) then
      redis.call('HDEL', LIVE, holder)
      free(key, holder)
      holder = redis.call('HGET', ORDERING, key)
    end
    if holder and holder ~= id then
      local turn = string.format('%016d', redis.call('INCR', SEQUENCE))
      redis.call('ZADD', PARKED, 0, key .. '\0' .. turn .. '\0' .. seal(level, id, dedupe, key, name, meta, data))
      if dedupe == '1' then
        redis.call('HSET', LIVE, id, 'p:' .. turn .. ':' .. key)
      end
      return
    end
    redis.call('HSET', ORDERING, key, id)
  end
  append(level, id, dedupe, key, name, meta, data)
end

