-- Cancels or reschedules one job that has not started.
-- KEYS        as in route.lua
-- ARGV[1..2]  verb (cancel, reschedule), job id
-- ARGV[3]     reschedule: new due time, '+n' in n ms or epoch ms
-- ARGV[4..5]  level and entry of the plain job that has this id, if it has the form of one
-- RETURNS     done | leased (it runs, nothing changed) | ready (reschedule: it is due already, nothing changed) |
--             unknown (no such job, or the library made its id and its place cannot be read from it)
local verb, id, due = ARGV[1], ARGV[2], ARGV[3]

local envelope = redis.call('HGET', DELAYED_JOBS, id)
if envelope then
  if verb == 'reschedule' then
    local when = due_at(due)
    redis.call('ZADD', DELAYED, when, id)
    signal('due', string.format('%.0f', when))
    return 'done'
  end
  check_types(DELAYED, LIVE)
  local _, _, _, key = open(envelope)
  if key and key ~= '' and still_holds(key, id) then
    free(key, id)
  end
  forget_delayed(id)
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
local from, to = parked_range(where)
if from then
  if verb == 'reschedule' then
    return 'ready'
  end
  redis.call('ZREMRANGEBYLEX', PARKED, from, to)
  redis.call('HDEL', LIVE, id)
  return 'done'
end
local level, entry, held_key = locate(where)
if not level then
  return 'unknown'
end
local stream = KEYS[tonumber(level)]
local leased, released_in = is_leased(stream, entry)
if leased then
  return 'leased'
elseif verb == 'reschedule' then
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
