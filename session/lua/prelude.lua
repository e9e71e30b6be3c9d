-- What every script shares. KEYS[1] is the prefix of all keys; its hash tag
-- keeps them in one slot, so that Redis Cluster accepts the scripts too.
local P = KEYS[1]
local KEPT = 30 * 86400 -- seconds for which what has ended is remembered

-- tell appends an event to a session's stream and wakes whoever follows it.
local function tell(id, event)
  local stream = P .. 'events:' .. id
  redis.call('XADD', stream, 'MAXLEN', '~', 1000, '*', 'event', event)
  redis.call('EXPIRE', stream, KEPT)
  redis.call('PUBLISH', P .. 'told', id)
end
