-- A final record read back from disk. id, room, selection, doc, state, epoch -> 1 when it was absent
local id, room, selection, doc, state, epoch = unpack(ARGV)
if redis.call('EXISTS', P .. 'rec:' .. id) == 1 then return 0 end
write(id, room, selection, doc, state, '0', epoch)
return 1
