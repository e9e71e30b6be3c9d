-- room, node, ttl in ms, generation that the caller saw -> {generation, epoch}, or
-- {generation} while somebody holds the room or nobody wants it recorded. A claim can
-- be late, by its own hesitation or by a retry, and find all that it knew forgotten.
-- A missing counter starts at the clock's milliseconds: above whatever was granted
-- before Redis lost its memory.
local room, node, ttl, seen = unpack(ARGV)
local lease, counter = P .. 'lease:' .. room, P .. 'epoch:' .. room
local generation, recalling = meet(seen, ttl)
if recalling or redis.call('EXISTS', lease) == 1 or redis.call('SISMEMBER', P .. 'rooms', room) == 0 then
  return {generation}
end
local now = redis.call('TIME')
redis.call('SETNX', counter, string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000)))
local epoch = string.format('%d', redis.call('INCR', counter))
redis.call('EXPIRE', counter, 86400)
redis.call('SET', lease, epoch .. ' ' .. node, 'PX', ttl)
return {generation, epoch}
