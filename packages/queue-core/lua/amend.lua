-- Cancels or reschedules one job that has not started.
-- KEYS        as in route.lua
-- ARGV[1..2]  verb (cancel, reschedule), job id
-- ARGV[3]     reschedule: new due time, '+n' in n ms or epoch ms
-- ARGV[4..5]  level and entry of the plain job that has this id, if it has the form of one
-- RETURNS     done | leased (it runs, nothing changed) | ready (reschedule: it is due already, nothing changed) |
--             unknown (no such job, or the library made its id and its place cannot be told from it)
local verb, id, due = ARGV[1], ARGV[2], ARGV[3]

local envelope = redis.call('HGET', DELAYED_JOBS, id)
if envelope then
  if verb == 'reschedule' then
    local when = string.sub(due, 1, 1) == '+' and now_ms() + tonumber(due) or tonumber(due)
    redis.call('ZADD', DELAYED, when, id)
    signal('due', string.format('%.0f', when))
    return 'done'
  end
  check_types(DELAYED, LIVE)
  local _, _, _, key = open(envelope)
  if key and key ~= '' and still_holds(key, id) then
    free(key, id)
  end
  if redis.call('HGET', LIVE, id) == 'd' then
    redis.call('HDEL', LIVE, id)
  end
  redis.call('ZREM', DELAYED, id)
  redis.call('HDEL', DELAYED_JOBS, id)
  return 'done'
end

local where = redis.call('HGET', LIVE, id)
if not where and ARGV[5] then
  -- The id of a plain job names its entry. An entry with meta is a job of another id.
  local found = redis.call('XRANGE', KEYS[tonumber(ARGV[4])], ARGV[5], ARGV[5])[1]
  if found and #found[2] == 4 then
    where = ARGV[4] .. ':' .. ARGV[5] .. ':'
  end
end
if not where then
  return 'unknown'
end
local turn, key = string.match(where, '^p:(%d+):(.*)$')
if turn then
  if verb == 'reschedule' then
    return 'ready'
  end
  local prefix = key .. '\0' .. turn
  redis.call('ZREMRANGEBYLEX', PARKED, '[' .. prefix .. '\0', '(' .. prefix .. '\1')
  redis.call('HDEL', LIVE, id)
  return 'done'
end
local level, entry, held_key = locate(where)
if not level then
  return 'unknown'
end
local stream = KEYS[tonumber(level)]
local groups = redis.pcall('XINFO', 'GROUPS', stream)
local released_in
for _, group in ipairs(groups.err == nil and groups or {}) do
  local row = redis.call('XPENDING', stream, group[2], entry, entry, 1)[1]
  -- A released entry is nobody's.
  if row and row[2] ~= '_released' then
    return 'leased'
  elseif row then
    released_in = group[2]
  end
end
if verb == 'reschedule' then
  return 'ready'
end
if held_key ~= '' then
  free(held_key, id)
end
redis.call('HDEL', LIVE, id)
if released_in then
  redis.call('XACK', stream, released_in, entry)
end
redis.call('XDEL', stream, entry)
return 'done'
