-- -> rooms that should be recorded and that nobody holds
local free = {}
for _, room in ipairs(redis.call('SMEMBERS', P .. 'rooms')) do
  if redis.call('EXISTS', P .. 'lease:' .. room) == 0 then free[#free + 1] = room end
end
return free
