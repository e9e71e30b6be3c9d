-- -> what each node that is alive tells of itself. One that is gone without a word
-- leaves the list.
local alive = {}
for _, name in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do
  local told = redis.call('GET', P .. 'node:' .. name)
  if told then alive[#alive + 1] = told else redis.call('SREM', P .. 'nodes', name) end
end
return alive
