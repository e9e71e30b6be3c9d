-- id -> 'absent', 'live' or 'ok'
local rec = P .. 'rec:' .. ARGV[1]
local h = redis.call('HMGET', rec, 'state', 'room')
if not h[1] then return 'absent' end
if not final(h[1]) then return 'live' end
redis.call('DEL', rec)
redis.call('ZREM', P .. 'all', ARGV[1])
redis.call('ZREM', P .. 'room:' .. h[2], ARGV[1])
return 'ok'
