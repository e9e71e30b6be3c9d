-- id, doc of the stopped record -> 'absent' or 'ok'
local id, stopped = unpack(ARGV)
local rec = P .. 'rec:' .. id
local h = redis.call('HMGET', rec, 'state', 'stop', 'doc', 'room', 'selection', 'epoch')
if not h[1] then return 'absent' end
if final(h[1]) then return 'ok' end
if h[1] == 'queued' then
  write(id, h[4], h[5], stopped, 'stopped', '1', h[6])
elseif h[2] ~= '1' then
  write(id, h[4], h[5], h[3], h[1], '1', h[6])
end
return 'ok'
