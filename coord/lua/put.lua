-- A node's write. id, room, selection, doc, state, stop, epoch, node, generation,
-- ttl in ms, wish, then news as kind and track -> 'ok', 'fenced' or 'final'
local id, room, selection, doc, state, stop, epoch, node, generation, ttl, wish = unpack(ARGV)
local h = redis.call('HMGET', P .. 'rec:' .. id, 'state', 'stop', 'epoch', 'selection')
local refused = fenced(room, epoch, node)
if h[1] then
  if refused or tonumber(h[3]) > tonumber(epoch) then return 'fenced' end
  if final(h[1]) then return 'final' end
  if h[2] == '1' then stop = '1' end
  -- The callers' wish, which may have changed meanwhile, and the key that the
  -- recording was started with stay as they are.
  wish, selection = '', h[4]
elseif refused and redis.call('GET', P .. 'generation') == generation then
  -- Absent although Redis kept its memory: it was removed, and must stay so.
  return 'fenced'
end
if not refused then
  keep_epoch(room, epoch)
  -- The record must not come back without its holder, or others take the room.
  redis.call('SET', P .. 'lease:' .. room, epoch .. ' ' .. node, 'PX', ttl, 'NX')
end
for i = 12, #ARGV, 2 do note(ARGV[i], record(stop, wish, doc), ARGV[i + 1]) end
write(id, room, selection, doc, state, stop, epoch, wish)
if state == 'recording' then note_turn(P .. 'rec:' .. id, epoch, node) end
return 'ok'
