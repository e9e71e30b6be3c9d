-- list, id, node, done -> 1. What another node has is left to it; a job that is done is
-- done for all.
local list, id, node, done = unpack(ARGV)
local key = P .. 'job:' .. id
if redis.call('GET', key) == node then redis.call('DEL', key) end
if done == '1' then redis.call('HDEL', P .. list, id) end
return 1
