-- id, node, ttl in ms -> 1, or 0 while another node has the job
local id, node, ttl = unpack(ARGV)
local key = P .. 'job:' .. id
local holder = redis.call('GET', key)
if holder and holder ~= node then return 0 end
redis.call('SET', key, node, 'PX', ttl)
return 1
