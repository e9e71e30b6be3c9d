-- room -> record of every recording of the room that is not final
local out = {}
for _, id in ipairs(redis.call('SMEMBERS', P .. 'live:' .. ARGV[1])) do
  local h = redis.call('HMGET', P .. 'rec:' .. id, 'stop', 'wish', 'doc')
  if h[3] then out[#out + 1] = record(h[1], h[2], h[3]) end
end
return out
