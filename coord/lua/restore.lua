-- A final record read back from disk. id, room, selection, doc, state, epoch, '1' for one
-- that nobody was told of, wish -> 1 when it was absent
local id, room, selection, doc, state, epoch, untold, wish = unpack(ARGV)
if redis.call('EXISTS', P .. 'rec:' .. id, P .. 'removed:' .. id) > 0 then return 0 end
-- What was final before has been told of: it is written as if it had been so.
if untold ~= '1' then redis.call('HSET', P .. 'rec:' .. id, 'state', state) end
write(id, room, selection, doc, state, '0', epoch, wish)
return 1
