-- A stream's new recording. id, stream, recording, doc -> 'ok', 'absent' or 'ended'
local id, stream, recording, doc = unpack(ARGV)
local state = redis.call('HGET', P .. 'doc:' .. id, 'state')
if not state then return 'absent' end
if state == 'ended' then return 'ended' end
redis.call('HSET', P .. 'recordings:' .. id, stream, doc)
-- It may have come further already: the feed overtakes the answer to its start.
local reached = redis.call('GET', P .. 'reached:' .. recording)
if not reached or reached == 'STARTED' then redis.call('SADD', P .. 'running:' .. id, recording) end
return 'ok'
