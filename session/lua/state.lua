-- A stream's recording has come further. id, stream, recording, state, doc, event -> 1 when that is news
local id, stream, recording, state, doc, event = unpack(ARGV)
local order = {STARTED = 1, STOPPED = 2, FAILED = 2}
local reached = P .. 'reached:' .. recording
local known = redis.call('GET', reached)
if known and order[known] > order[state] then return 0 end
local current = redis.call('HGET', P .. 'recordings:' .. id, stream)
if current and string.find(current, recording, 1, true) then
  redis.call('HSET', P .. 'recordings:' .. id, stream, doc)
end
if order[state] == 2 then redis.call('SREM', P .. 'running:' .. id, recording) end
if known and order[known] == order[state] then return 0 end
redis.call('SET', reached, state, 'EX', KEPT)
tell(id, event)
return 1
