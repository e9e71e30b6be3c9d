-- A new supervision of a session or, where session is '', of a room. id, supervisor,
-- target, session, doc, most, event -> 'ok', or the cause of refusal and what stands in the way
local id, supervisor, target, session, doc, most, event = unpack(ARGV)
if session ~= '' and redis.call('HGET', P .. 'doc:' .. session, 'state') ~= 'active' then return {'NO_ACTIVE_AGENT', ''} end
local held = redis.call('GET', P .. 'supervisor:' .. supervisor)
if held then return {'TWO_TIMER', held} end
local watchers = P .. 'watchers:' .. target
if redis.call('SCARD', watchers) >= tonumber(most) then return {'MAX_SUPERVISORS_PER_AGENT', ''} end
redis.call('SADD', watchers, id)
redis.call('SET', P .. 'supervisor:' .. supervisor, id)
redis.call('HSET', P .. 'doc:' .. id, 'doc', doc, 'supervisor', supervisor, 'target', target, 'state', 'waiting')
redis.call('ZADD', P .. 'supervisions', 0, id)
redis.call('SADD', P .. 'live', id)
tell(id, event)
return {'ok', ''}
