-- A new session. id, client, doc, streams, resume, event -> '' or the id of the agent's session
local id, client, doc, streams, resume, event = unpack(ARGV)
local held = redis.call('GET', P .. 'agent:' .. client)
if held and held ~= id then return held end
redis.call('SET', P .. 'agent:' .. client, id)
redis.call('HSET', P .. 'doc:' .. id, 'doc', doc, 'client', client, 'streams', streams, 'resume', resume, 'state', 'waiting')
redis.call('ZADD', P .. 'sessions', 0, id)
redis.call('SADD', P .. 'live', id)
tell(id, event)
return ''
