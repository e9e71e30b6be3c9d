-- ttl in ms, generation that the caller saw -> generation, then the rooms that should
-- be recorded and that nobody holds
local ttl, seen = unpack(ARGV)
local generation, recalling = meet(seen, ttl)
local reply = {generation}
if recalling then return reply end
for _, room in ipairs(redis.call('SMEMBERS', P .. 'rooms')) do
  if redis.call('EXISTS', P .. 'lease:' .. room) == 0 then reply[#reply + 1] = room end
end
return reply
