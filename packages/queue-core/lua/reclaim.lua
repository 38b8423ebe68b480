-- Reclaims up to N entries that were released or whose lease expired, and counts the delivery.
-- KEYS[1..3]  streams by level
-- ARGV[1..3]  group, consumer, visibility timeout in ms of consumers whose name does not say theirs
-- ARGV[4]     most entries to take
-- ARGV[5..7]  cursor of each level: the entry id where its scan continues, '-' for the start, '+' when it is over
-- ARGV[8]     idle time in ms from which an entry of this consumer itself may be one that it never got
-- ARGV[9..10] crashes that leave an entry one last delivery (0 = no distinction), 1 if one such entry may be taken
-- RETURNS     {3 next cursors}, {taken: {level, entry id, delivery count, former consumer, fields}},
--             {such entries of this consumer: {level, entry id, delivery count, idle ms}}, {ids whose entry is gone}, 1 if the
--             group of a level is missing; the other levels are scanned all the same
-- WHY         XAUTOCLAIM alone would take this consumer's own entries, forgets the former owner and knows one
--             timeout only; so XPENDING is read page by page and XAUTOCLAIM takes what is due, entry by entry
local group, consumer, visibility = ARGV[1], ARGV[2], tonumber(ARGV[3])
local room, orphaned = tonumber(ARGV[4]), tonumber(ARGV[8])
local last_chance, may_risk = tonumber(ARGV[9]), ARGV[10] == '1'
local PAGE = 500
local taken, own, gone = {}, {}, {}

-- Of the entries on their last chance one is taken at a time: a poison job takes down the jobs that run with it, and
-- they must not become dead letters with it. With an idle time of 0 XAUTOCLAIM takes this very entry or none.
local function take(level, row)
  if last_chance > 0 and row[4] % 1000 == last_chance then
    if not may_risk then
      return
    end
    may_risk = false
  end
  local reply = redis.call('XAUTOCLAIM', KEYS[level], group, consumer, 0, row[1], 'COUNT', 1)
  for _, id in ipairs(reply[3] or {}) do
    gone[#gone + 1] = id
  end
  local entry = reply[2][1]
  if entry then
    taken[#taken + 1] = { level, entry[1], row[4] + 1, row[2], entry[2] }
    room = room - 1
  end
end

-- The timeout of the holder counts, not that of the worker that scans: in a rolling deploy they may differ. A job may have
-- a longer one than its holder; a shorter one was taken off its idle time.
local function expired(level, row)
  local own = string.match(row[2], ':%x%x%x%x%x%x%x%x:(%d+)$')
  if row[3] < (tonumber(own) or visibility) then
    return false
  end
  local entry = redis.call('XRANGE', KEYS[level], row[1], row[1])[1]
  local fields = entry and entry[2] or {}
  for i = 5, #fields, 2 do
    if fields[i] == 'm' then
      local longer = string.match(fields[i + 1], '"visibilityMs":(%d+)')
      return not longer or row[3] >= tonumber(longer)
    end
  end
  return true
end

local missing = 0

-- A page of pending entries; none where the group is missing.
local function pending(stream, ...)
  local rows = redis.pcall('XPENDING', stream, group, ...)
  if rows.err == nil then
    return rows
  elseif string.find(rows.err, 'NOGROUP', 1, true) then
    missing = 1
    return {}
  end
  error(rows.err)
end

local cursors = {}
for level = 1, 3 do
  local stream = KEYS[level]
  if room > 0 then
    for _, row in ipairs(pending(stream, '-', '+', PAGE, RELEASED)) do
      if room > 0 then
        take(level, row)
      end
    end
  end
  local cursor = ARGV[4 + level]
  local following = cursor
  if room > 0 and cursor ~= '+' then
    local rows = pending(stream, cursor, '+', PAGE)
    following = #rows == PAGE and '(' .. rows[PAGE][1] or '+'
    for position, row in ipairs(rows) do
      if room < 1 then
        following = position == 1 and cursor or '(' .. rows[position - 1][1]
        break
      end
      if row[2] == consumer then
        if row[3] >= orphaned then
          own[#own + 1] = { level, row[1], row[4], row[3] }
        end
      elseif expired(level, row) then
        take(level, row)
      end
    end
  end
  cursors[level] = following
end
return { cursors, taken, own, gone, missing }
