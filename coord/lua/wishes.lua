-- room -> stop flag .. document of every recording of the room that is not final
local out = {}
for _, id in ipairs(redis.call('SMEMBERS', P .. 'live:' .. ARGV[1])) do
  local h = redis.call('HMGET', P .. 'rec:' .. id, 'stop', 'doc')
  if h[2] then out[#out + 1] = h[1] .. h[2] end
end
return out
