-- Corrects what a final record tells of its files, which nodes gather after its end. id,
-- doc, the doc that it was made from, kind of news or '' -> 'absent', 'live', 'changed' or 'ok'
local id, doc, from, kind = unpack(ARGV)
local rec = P .. 'rec:' .. id
local h = redis.call('HMGET', rec, 'state', 'doc', 'stop', 'wish')
if not h[1] then return 'absent' end
if not final(h[1]) then return 'live' end
if h[2] ~= from then return 'changed' end
redis.call('HSET', rec, 'doc', doc)
local now = record(h[3], h[4], doc)
if kind ~= '' then note(kind, now) end
redis.call('PUBLISH', P .. 'changes', now)
return 'ok'
