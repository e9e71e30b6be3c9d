-- room, epoch, node, ttl in ms -> 1, or 0 when somebody else was granted the room.
-- An expired lease that nobody took is taken back under the same epoch.
local room, epoch, node, ttl = unpack(ARGV)
if fenced(room, epoch, node) then return 0 end
keep_epoch(room, epoch)
redis.call('SET', P .. 'lease:' .. room, epoch .. ' ' .. node, 'PX', ttl)
return 1
