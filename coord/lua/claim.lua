-- room, node, ttl in ms -> {epoch, generation}, or nil while somebody holds the room.
-- A missing counter starts at the clock's milliseconds: above whatever was granted
-- before Redis lost its memory.
local room, node, ttl = unpack(ARGV)
local lease, counter, generation = P .. 'lease:' .. room, P .. 'epoch:' .. room, P .. 'generation'
if redis.call('EXISTS', lease) == 1 then return nil end
local now = redis.call('TIME')
redis.call('SETNX', counter, string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000)))
local epoch = string.format('%d', redis.call('INCR', counter))
redis.call('EXPIRE', counter, 86400)
redis.call('SET', lease, epoch .. ' ' .. node, 'PX', ttl)
redis.call('SETNX', generation, now[1] .. '.' .. now[2])
return {epoch, redis.call('GET', generation)}
