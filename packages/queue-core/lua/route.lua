-- Shared head of the scripts that move jobs: the names of their keys, and the ways from one place to another.
-- Each script fills the new place of a job first and empties the old one last, so that a step that fails loses none.
-- KEYS[1..3]  streams of level 1 high, 2 default, 3 low
-- KEYS[4..13] delayed, delayed:jobs, dlq, live, parked, ordering, sequence, control, slots, paused
local DELAYED, DELAYED_JOBS, DLQ, LIVE = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local PARKED, ORDERING, SEQUENCE, CONTROL, SLOTS, PAUSED = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local FIXED_KEYS = 13

-- A signal that cannot be stored costs a second at most, so it fails nothing.
local function signal(event, value)
  redis.pcall('XADD', CONTROL, 'MAXLEN', '64', '*', 'e', event, 'v', value)
end

local TYPES = {
  [KEYS[1]] = 'stream', [KEYS[2]] = 'stream', [KEYS[3]] = 'stream', [DLQ] = 'stream', [DELAYED] = 'zset',
  [DELAYED_JOBS] = 'hash', [LIVE] = 'hash', [PARKED] = 'zset', [ORDERING] = 'hash',
}
local sound = {}

-- Fails before anything is written if one of these keys has another type: a script is not rolled back. A key may be
-- false.
local function check_types(...)
  for _, key in ipairs({ ... }) do
    if key and not sound[key] then
      local type = redis.call('TYPE', key).ok
      if type ~= 'none' and type ~= TYPES[key] then
        error({ err = 'WRONGTYPE ' .. key .. ' is a ' .. type .. ' instead of a ' .. TYPES[key] })
      end
      sound[key] = true
    end
  end
end

-- An envelope is a job outside a stream: six lines (level, id, dedupe, ordering key, name, meta), then the data.
-- A damaged one opens as nil.
local function seal(level, id, dedupe, key, name, meta, data)
  return table.concat({ level, id, dedupe, key, name, meta, data }, '\n')
end

local function open(envelope)
  return string.match(envelope, '^([123])\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
end

-- Level, entry and ordering key of a job that the index places in a stream; nil for any other place.
local function locate(where)
  return string.match(where, '^([123]):(%d+%-%d+):(.*)$')
end

-- Range of the one member of PARKED where the index places a parked job; nil for any other place.
local function parked_range(where)
  local turn, key = string.match(where, '^p:(%d+):(.*)$')
  if turn then
    local prefix = key .. '\0' .. turn
    return '[' .. prefix .. '\0', '(' .. prefix .. '\1'
  end
end

-- Id and place of the job in a stream that holds an ordering key, as append noted them; nil where nothing is noted.
local function noted_holder(key)
  return string.match(redis.call('HGET', ORDERING, key .. '\n') or '', '^([^\n]*)\n(.*)$')
end

-- Keeps what is left of a job that cannot be read: a dead letter without the fields of a job, never redriven.
local function dead_letter(id, envelope)
  local evidence = { id = id, cause = 'undecodable', error = 'What was stored of the job cannot be read', worker = '' }
  redis.call('XADD', DLQ, '*', 'envelope', envelope, 'e', cjson.encode(evidence))
end

-- Deletes the oldest dead letters beyond the bounds: the most, a comma, the longest age in ms; each may be missing.
-- Returns how many.
local function trim_dead_letters(bounds)
  local most, age = string.match(bounds, '^(%d*),(%d*)$')
  local dropped = 0
  if most and most ~= '' then
    dropped = redis.call('XTRIM', DLQ, 'MAXLEN', most)
  end
  if age and age ~= '' then
    local oldest = string.format('%.0f', math.max(0, now_ms() - tonumber(age)))
    dropped = dropped + redis.call('XTRIM', DLQ, 'MINID', oldest)
  end
  return dropped
end

local function append(level, id, dedupe, key, name, meta, data)
  check_types(KEYS[tonumber(level)], dedupe == '1' and LIVE, key ~= '' and ORDERING)
  local entry
  if meta == '' then
    entry = redis.call('XADD', KEYS[tonumber(level)], '*', 'n', name, 'd', data)
  else
    entry = redis.call('XADD', KEYS[tonumber(level)], '*', 'n', name, 'd', data, 'm', meta)
  end
  if dedupe == '1' then
    redis.call('HSET', LIVE, id, level .. ':' .. entry .. ':' .. key)
  end
  if key ~= '' then
    -- No key has a control character, so this field belongs to no other key.
    redis.call('HSET', ORDERING, key .. '\n', id .. '\n' .. level .. ':' .. entry .. ':')
  end
  return entry
end

-- Reads a due time: '+n' in n ms, or epoch ms.
local function due_at(due)
  return string.sub(due, 1, 1) == '+' and now_ms() + tonumber(due) or tonumber(due)
end

-- The earliest time that this run has delayed a job to.
local earliest

-- Delays a job until epoch ms `due`.
local function delay(due, level, id, dedupe, key, name, meta, data)
  check_types(DELAYED, DELAYED_JOBS, dedupe == '1' and LIVE)
  redis.call('HSET', DELAYED_JOBS, id, seal(level, id, dedupe, key, name, meta, data))
  redis.call('ZADD', DELAYED, due, id)
  if dedupe == '1' then
    redis.call('HSET', LIVE, id, 'd')
  end
  earliest = math.min(earliest or due, due)
end

-- Signals workers to look sooner when a job that was just delayed is the next one due.
local function signal_due()
  if earliest and tonumber(redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]) == earliest then
    signal('due', string.format('%.0f', earliest))
  end
end

-- Frees the id of a job that was delayed.
local function forget_delayed(id)
  if redis.call('HGET', LIVE, id) == 'd' then
    redis.call('HDEL', LIVE, id)
  end
end

-- Gives an ordering key to the first job parked behind it that can be read.
local function start_next(key)
  repeat
    local parked = redis.call('ZRANGEBYLEX', PARKED, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1)[1]
    if not parked then
      redis.call('HDEL', ORDERING, key, key .. '\n')
      return
    end
    local level, next_id, dedupe, _, name, meta, data = open(string.sub(parked, #key + 19))
    if level then
      append(level, next_id, dedupe, key, name, meta, data)
      redis.call('HSET', ORDERING, key, next_id)
    else
      dead_letter('', parked)
    end
    redis.call('ZREM', PARKED, parked)
  until level
end

-- Passes an ordering key that `id` held to the next job.
local function free(key, id)
  if redis.call('HGET', ORDERING, key) == id then
    start_next(key)
  end
end

-- Whether a job is where the index places it. A value that cannot be read places it nowhere.
local function is_at(id, where)
  if where == 'd' then
    return redis.call('HEXISTS', DELAYED_JOBS, id) == 1
  end
  local level, entry = locate(where)
  if level then
    local found = redis.pcall('XRANGE', KEYS[tonumber(level)], entry, entry)
    return found.err == nil and #found > 0
  end
  local from, to = parked_range(where)
  return from ~= nil and #redis.call('ZRANGEBYLEX', PARKED, from, to, 'LIMIT', 0, 1) > 0
end

-- Whether a worker has an entry; if not, the group in which it is released, if it is.
local function is_leased(stream, entry)
  local released_in
  for _, group in ipairs(info('GROUPS', stream)) do
    local row = redis.call('XPENDING', stream, group.name, entry, entry, 1)[1]
    if row and row[2] ~= RELEASED then
      return true
    elseif row then
      released_in = group.name
    end
  end
  return false, released_in
end

-- Whether the job that holds an ordering key was deleted by hand and no worker runs it. One without any trace counts
-- as there.
local function is_gone(key, holder)
  if redis.call('HEXISTS', DELAYED_JOBS, holder) == 1 then
    return false
  end
  local id, where = noted_holder(key)
  if id ~= holder then
    where = redis.call('HGET', LIVE, holder)
  end
  local level, entry = locate(where or '')
  if not level or is_at(holder, where) then
    return where == 'd'
  end
  return not is_leased(KEYS[tonumber(level)], entry)
end

-- Returns who holds an ordering key, after passing on one whose holder was deleted by hand.
local function holder_of(key)
  local holder = redis.call('HGET', ORDERING, key)
  if not holder or not is_gone(key, holder) then
    return holder
  end
  local where = redis.call('HGET', LIVE, holder)
  free(key, holder)
  -- The next job of the key may have the same id, and its own place by now.
  if where and redis.call('HGET', LIVE, holder) == where and not is_at(holder, where) then
    redis.call('HDEL', LIVE, holder)
  end
  return redis.call('HGET', ORDERING, key)
end

-- Whether a job outside the streams still holds its ordering key from an earlier attempt. A job of the same id in a
-- stream is another one: an id that the library made is in no index.
local function still_holds(key, id)
  if redis.call('HGET', ORDERING, key) ~= id then
    return false
  end
  local holder, where = noted_holder(key)
  return holder ~= id or not locate(where) or not is_at(id, where)
end

-- Makes a job ready: into its stream, or parked while another job holds its ordering key. Returns its entry, if any.
-- A job that comes back, from the delayed ones, may hold the key itself.
local function place(level, id, dedupe, key, name, meta, data, comes_back)
  if key ~= '' then
    local holder = redis.call('HGET', ORDERING, key)
    local is_own = comes_back and holder and still_holds(key, id)
    if holder and not is_own then
      holder = holder_of(key)
    end
    if holder and not is_own then
      check_types(PARKED, dedupe == '1' and LIVE)
      local turn = string.format('%016d', redis.call('INCR', SEQUENCE))
      redis.call('ZADD', PARKED, 0, key .. '\0' .. turn .. '\0' .. seal(level, id, dedupe, key, name, meta, data))
      if dedupe == '1' then
        redis.call('HSET', LIVE, id, 'p:' .. turn .. ':' .. key)
      end
      return
    end
  end
  local entry = append(level, id, dedupe, key, name, meta, data)
  if key ~= '' then
    redis.call('HSET', ORDERING, key, id)
  end
  return entry
end

