-- The first cause counts. id, cause, at, event -> 1, or 0 when it had ended or never was.
-- What is left to do is in 'closing' until it is done.
local id, cause, at, event = unpack(ARGV)
local doc = P .. 'doc:' .. id
local h = redis.call('HMGET', doc, 'state', 'client', 'supervisor', 'target')
if not h[1] or h[1] == 'ended' then return 0 end
redis.call('HSET', doc, 'state', 'ended', 'cause', cause, 'ended', at)
redis.call('EXPIRE', doc, KEPT)
redis.call('EXPIRE', P .. 'recordings:' .. id, KEPT)
for _, holder in ipairs({'agent:' .. (h[2] or ''), 'supervisor:' .. (h[3] or '')}) do
  if redis.call('GET', P .. holder) == id then redis.call('DEL', P .. holder) end
end
if h[4] then redis.call('SREM', P .. 'watchers:' .. h[4], id) end
redis.call('SREM', P .. 'live', id)
redis.call('SADD', P .. 'closing', id)
tell(id, event)
return 1
