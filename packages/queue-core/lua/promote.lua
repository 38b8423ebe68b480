-- Moves up to N delayed jobs that are due, by the server's clock, to where they are ready.
-- ARGV[1]  most jobs to move
-- RETURNS  jobs that were due, due time of the next delayed job in epoch ms or -1, now in epoch ms, 1 if the queue is
--          paused, next slot of a recurring job in epoch ms or -1, {ids of jobs that could not be read}, error of a
--          job that could not be moved or '', number of jobs that could not be moved
-- WHY      a job leaves the delayed ones last, so that a step that fails loses none; a job that cannot be read becomes
--          a dead letter, because it would come up again each time
local now = now_ms()
local ids = redis.call('ZRANGE', DELAYED, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
local unreadable, failure, failed = {}, '', 0

local function move(id)
  local envelope = redis.call('HGET', DELAYED_JOBS, id) or ''
  local level, own_id, dedupe, key, name, meta, data = open(envelope)
  if own_id == id then
    place(level, id, dedupe, key, name, meta, data, true)
  else
    check_types(LIVE)
    dead_letter(id, envelope)
    forget_delayed(id)
    unreadable[#unreadable + 1] = id
  end
  redis.call('ZREM', DELAYED, id)
  redis.call('HDEL', DELAYED_JOBS, id)
end

for _, id in ipairs(ids) do
  local ok, why = pcall(move, id)
  if not ok then
    failed = failed + 1
    failure = type(why) == 'table' and why.err or tostring(why)
  end
end
-- A due job that could not be moved must not hide the next one.
local from = failed > 0 and '(' .. now or '-inf'
local following = redis.call('ZRANGE', DELAYED, from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
-- A slot that is no time, such as -inf, must not hide the others.
local slot = redis.call('ZRANGE', SLOTS, 0, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
return {
  #ids, tonumber(following or -1), now, redis.call('EXISTS', PAUSED), tonumber(slot or -1), unreadable, failure, failed,
}
