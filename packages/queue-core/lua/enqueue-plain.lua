-- Adds plain jobs: those with nothing but a name and data (one that comes alone needs no script, see enqueue.ts).
-- KEYS[1..3]  streams of level 1 high, 2 default, 3 low
-- KEYS[4..5]  delayed, parked
-- ARGV[1]     most jobs the queue may hold, 0 = no limit
-- ARGV[2..]   runs of jobs: level, name, number of jobs, the data of each
-- RETURNS     one word a run, parted by spaces: how many were added, ':', the id of the first entry; then ',' and the
--             id of each further one, unless they just count on from it
-- WHY         no head shared with others and no word per job: that is a seventh of what the server spends on a job
local call, argv = redis.call, ARGV
local room = math.huge
if argv[1] ~= '0' then
  room = tonumber(argv[1]) - call('ZCARD', KEYS[4]) - call('ZCARD', KEYS[5])
  for level = 1, 3 do
    room = room - call('XLEN', KEYS[level])
  end
end

-- Ids only grow, so when the last is the first plus their number there is none beside those between them. They jump
-- when a millisecond ends meanwhile (Redis before 7.2).
local function ids(stream, first, last, count)
  local ms, serial = string.match(first, '^(%d+)%-(%d+)$')
  if #serial < 15 and last == ms .. '-' .. string.format('%.0f', serial + count - 1) then
    return first
  end
  local all = {}
  for i, entry in ipairs(call('XRANGE', stream, first, last)) do
    all[i] = entry[1]
  end
  return table.concat(all, ',')
end

local words, at = {}, 2
while argv[at] do
  local stream, name, count = KEYS[tonumber(argv[at])], argv[at + 1], tonumber(argv[at + 2])
  local added = math.max(0, math.min(count, room))
  local first, last
  for i = at + 3, at + 2 + added do
    last = call('XADD', stream, '*', 'n', name, 'd', argv[i])
    first = first or last
  end
  room = room - added
  words[#words + 1] = added .. ':' .. (first and ids(stream, first, last, added) or '')
  at = at + 3 + count
end
return table.concat(words, ' ')
