-- id, for how long to remember that it was removed, in ms -> 'absent', 'live', 'held' or 'ok'
local rec = P .. 'rec:' .. ARGV[1]
local h = redis.call('HMGET', rec, 'state', 'room', 'wish')
if not h[1] then return 'absent' end
if not final(h[1]) then return 'live' end
if h[3] and h[3] ~= '' and cjson.decode(h[3]).hold then return 'held' end
redis.call('SET', P .. 'removed:' .. ARGV[1], '1', 'PX', ARGV[2])
redis.call('DEL', rec, P .. 'shares:' .. ARGV[1])
redis.call('ZREM', P .. 'all', ARGV[1])
redis.call('ZREM', P .. 'room:' .. h[2], ARGV[1])
return 'ok'
