-- id, wish, the wish that it was made from, '1' if the recording may have ended
-- -> 'absent', 'final', 'changed' or 'ok'
local id, wish, from, ended = unpack(ARGV)
local h = redis.call('HMGET', P .. 'rec:' .. id, 'state', 'stop', 'doc', 'room', 'selection', 'epoch', 'wish')
if not h[1] then return 'absent' end
if ended ~= '1' and (final(h[1]) or h[2] == '1') then return 'final' end
if (h[7] or '') ~= from then return 'changed' end
write(id, h[4], h[5], h[3], h[1], h[2], h[6], wish)
redis.call('PUBLISH', P .. 'edits', h[4])
return 'ok'
