-- Shared head of every script: time, XINFO, and the consumer of released jobs.
-- Released jobs are pending under this name, which no worker has. src/redis/layout.ts has the same.
local RELEASED = '_released'

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What XINFO lists, each item by the names of its fields; empty where there is no stream or group.
local function info(...)
  local reply = redis.pcall('XINFO', ...)
  local items = {}
  for position, fields in ipairs(reply.err == nil and reply or {}) do
    local item = {}
    for i = 1, #fields, 2 do
      item[fields[i]] = fields[i + 1]
    end
    items[position] = item
  end
  return items
end

