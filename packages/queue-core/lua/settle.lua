-- Ends N leases. Each is checked against its fence first, so a worker that lost a lease changes nothing.
-- KEYS        as in route.lua
-- KEYS[14..]  processed:<id> of the acks that are deduplicated, in their order
-- ARGV[1..3]  group, consumer, lifetime of processed keys in ms
-- ARGV[4..]   acks of first deliveries without an ordering key, for each level: their number; if it is not 0, the
--             lowest and the highest entry id, the number of those that are deduplicated, all entry ids (the
--             deduplicated ones first), the job ids of the deduplicated ones
-- then        number of other settlements, then 9 each: verb (ack, retry, dead, release, lapse), level, entry id, delivery
--             count, job id, dedupe ('1' or ''), ordering key, first, second
--             ack: first = '' or 'forget', the id is not remembered as done
--             retry: first = delay in ms, second = new meta
--             dead: first = evidence, second = bounds of the dead letters as in route.lua, or ''
-- RETURNS     1 if the queue is paused, {leases that are lost}, {leases whose settlement is refused: position, error},
--             dead letters that were deleted as beyond the bounds; positions from 0, in the order of ARGV
-- WHY         XACK and XDEL know no owner (https://redis.io/docs/latest/commands/xack/), so XPENDING is asked first;
--             an entry is removed last, so that a step that fails loses no job. Acks of first deliveries have a
--             shorter form for speed: one XPENDING, XACK and XDEL for all of them
local group, consumer, lifetime = ARGV[1], ARGV[2], ARGV[3]

-- How long a lease has been idle, in ms; false or nil when it is lost.
local function held(stream, entry, count)
  local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  local row = pending[1]
  return row and row[2] == consumer and row[4] == tonumber(count) and row[3]
end

local lost, refused, dropped, at, position = {}, {}, 0, 4, 0

-- One XPENDING over the range of the acks instead of one each: first deliveries of this consumer, by entry id.
local function first_deliveries(stream, from, to, page)
  local mine = {}
  repeat
    local rows = redis.pcall('XPENDING', stream, group, from, to, page, consumer)
    for i = 1, #rows do
      mine[rows[i][1]] = rows[i][4] == 1
    end
    from = #rows > 0 and '(' .. rows[#rows][1]
  until #rows < page
  return mine
end

local marker = FIXED_KEYS

-- Jobs are done: marks their ids, and frees those that the index has at these very entries.
local function finish_all(level, ids, entries)
  local where = redis.pcall('HMGET', LIVE, unpack(ids))
  if where.err then
    return where.err
  end
  local freed = {}
  for i = 1, #ids do
    if where[i] == level .. ':' .. entries[i] .. ':' then
      freed[#freed + 1] = ids[i]
    end
  end
  if #freed > 0 then
    redis.call('HDEL', LIVE, unpack(freed))
  end
end

local function ack_all(level, count, from)
  local stream, marked = KEYS[level], tonumber(ARGV[from + 2])
  local mine = first_deliveries(stream, ARGV[from], ARGV[from + 1], math.max(count, 100))
  local ids, entries = {}, {}
  for i = 1, marked do
    local entry = ARGV[from + 2 + i]
    if mine[entry] then
      entries[#entries + 1] = entry
      ids[#ids + 1] = ARGV[from + 2 + count + i]
      if lifetime ~= '0' then
        redis.call('SET', KEYS[marker + i], entry, 'NX', 'PX', lifetime)
      end
    end
  end
  marker = marker + marked
  local failure = #ids > 0 and finish_all(level, ids, entries)
  local ended = failure and {} or entries
  for i = 1, count do
    local entry = ARGV[from + 2 + i]
    if not mine[entry] then
      lost[#lost + 1] = position
    elseif i > marked then
      ended[#ended + 1] = entry
    elseif failure then
      refused[#refused + 1] = position
      refused[#refused + 1] = failure
    end
    position = position + 1
  end
  if #ended > 0 then
    redis.call('XACK', stream, group, unpack(ended))
    redis.call('XDEL', stream, unpack(ended))
  end
  return from + 3 + count + marked
end

for level = 1, 3 do
  local count = tonumber(ARGV[at])
  at = at + 1
  if count > 0 then
    at = ack_all(level, count, at)
  end
end

local released = false

local function remove(stream, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

-- A job is gone: its id may be used again, and the next one of its ordering key may run. Where its entry was deleted by
-- hand and its id enqueued again, index and ordering key are the new job's.
local function forget(lease)
  local where = lease.dedupe == '1' and redis.call('HGET', LIVE, lease.id)
  local is_other = where and where ~= lease.level .. ':' .. lease.entry .. ':' .. lease.key
  if lease.key ~= '' and not (is_other and string.match(where, '^%d:[^:]*:(.*)$') == lease.key) then
    free(lease.key, lease.id)
  end
  if where and not is_other then
    redis.call('HDEL', LIVE, lease.id)
  end
end

-- The fields of its entry; empty when it was deleted by hand.
local function fields_of(lease)
  return (redis.call('XRANGE', lease.stream, lease.entry, lease.entry)[1] or {})[2] or {}
end

local verbs = {}

function verbs.ack(lease)
  if lease.marker and lifetime ~= '0' then
    redis.call('SET', lease.marker, lease.entry, 'NX', 'PX', lifetime)
  end
  forget(lease)
  remove(lease.stream, lease.entry)
end

function verbs.retry(lease)
  local fields, job = fields_of(lease), {}
  for i = 1, #fields, 2 do
    job[fields[i]] = fields[i + 1]
  end
  if not job.d then
    -- The entry was deleted by hand: there is nothing to try again, and nothing may wait for it.
    forget(lease)
  elseif lease.first == '0' or redis.call('HEXISTS', DELAYED_JOBS, lease.id) == 1 then
    -- Another job of this id may wait there, where the library made one of the two ids: it must not be overwritten.
    append(lease.level, lease.id, lease.dedupe, lease.key, job.n, lease.second, job.d)
  else
    delay(now_ms() + tonumber(lease.first), lease.level, lease.id, lease.dedupe, lease.key, job.n, lease.second, job.d)
  end
  remove(lease.stream, lease.entry)
end

function verbs.dead(lease)
  local fields = fields_of(lease)
  -- An entry that the library did not write may have more fields than Lua can pass on.
  local evidence = math.min(#fields, 1000) + 1
  fields[evidence], fields[evidence + 1] = 'e', lease.first
  -- A dead letter that is added before a step that fails would be added again and again.
  check_types(DLQ, lease.dedupe == '1' and LIVE)
  if lease.key ~= '' then
    check_types(ORDERING, PARKED, LIVE, KEYS[1], KEYS[2], KEYS[3])
  end
  redis.call('XADD', DLQ, '*', unpack(fields, 1, evidence + 1))
  dropped = dropped + trim_dead_letters(lease.second)
  forget(lease)
  remove(lease.stream, lease.entry)
end

function verbs.release(lease)
  redis.call('XCLAIM', lease.stream, group, RELEASED, 0, lease.entry, 'RETRYCOUNT', tonumber(lease.count) + 999, 'JUSTID')
  released = true
end

-- A worker stops while a handler still runs: the lease expires when it would have, and the delivery counts as no crash.
function verbs.lapse(lease)
  redis.call('XCLAIM', lease.stream, group, consumer, 0, lease.entry, 'IDLE', lease.idle, 'RETRYCOUNT', tonumber(lease.count) + 999, 'JUSTID')
end

for _ = 1, tonumber(ARGV[at]) do
  local lease = {}
  local verb
  verb, lease.level, lease.entry, lease.count, lease.id, lease.dedupe, lease.key, lease.first, lease.second =
    unpack(ARGV, at + 1, at + 9)
  at = at + 9
  lease.stream = KEYS[tonumber(lease.level)]
  if verb == 'ack' and lease.dedupe == '1' and lease.first == '' then
    marker = marker + 1
    lease.marker = KEYS[marker]
  end
  lease.idle = held(lease.stream, lease.entry, lease.count)
  if lease.idle then
    -- What cannot be stored of one job must not keep the ends of the others from being stored.
    local ok, failure = pcall(verbs[verb], lease)
    if not ok then
      refused[#refused + 1] = position
      refused[#refused + 1] = type(failure) == 'table' and failure.err or tostring(failure)
    end
  else
    lost[#lost + 1] = position
  end
  position = position + 1
end

signal_due()
if released then
  signal('released', '')
end
return { redis.call('EXISTS', PAUSED), lost, refused, dropped }
