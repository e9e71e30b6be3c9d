-- A change of a session's streams. id, streams, the streams it was made from,
-- whether it adds -> 'ok', 'absent', 'ended', 'recording' or 'changed'
local id, streams, from, adds = unpack(ARGV)
local doc = P .. 'doc:' .. id
local h = redis.call('HMGET', doc, 'state', 'streams')
if not h[1] then return 'absent' end
if h[1] == 'ended' then return 'ended' end
if h[2] ~= from then return 'changed' end
if adds == '1' and redis.call('SCARD', P .. 'running:' .. id) > 0 then return 'recording' end
redis.call('HSET', doc, 'streams', streams)
return 'ok'
