-- id, room, selection, doc -> '' or the id of the recording that stands in the way
local id, room, selection, doc = unpack(ARGV)
local have = redis.call('HGET', P .. 'want:' .. room, selection)
if have and have ~= id then return have end
if not have then write(id, room, selection, doc, 'queued', '0', '0') end
return ''
