-- room, epoch, node -> 1, or 0 when the caller is not the holder
local room, epoch, node = unpack(ARGV)
if redis.call('GET', P .. 'lease:' .. room) ~= epoch .. ' ' .. node then return 0 end
redis.call('DEL', P .. 'lease:' .. room)
if redis.call('EXISTS', P .. 'live:' .. room) == 1 then redis.call('PUBLISH', P .. 'free', room) end
return 1
