-- Somebody has joined. id, at, event -> 1 when it was not known yet
local id, at, event = unpack(ARGV)
local doc = P .. 'doc:' .. id
if redis.call('HGET', doc, 'state') ~= 'waiting' then return 0 end
redis.call('HSET', doc, 'state', 'active', 'connected', at)
tell(id, event)
return 1
