-- ttl in ms, then id, token, bytes sent of each -> the tokens of leases that are lost.
-- A lease that ran out is taken back as long as nobody else was granted one.
local ttl, lost = tonumber(ARGV[1]), {}
for i = 2, #ARGV, 3 do
  local id, token, sent = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local h = redis.call('HMGET', P .. 'job:' .. id, 'token', 'group', 'lane')
  if h[1] == token then
    redis.call('ZADD', P .. 'lanes:' .. h[2], now + ttl, h[3])
    redis.call('ZADD', P .. 'busy:' .. h[2], now + ttl, h[3])
    redis.call('HSET', P .. 'job:' .. id, 'sent', sent)
  else
    lost[#lost + 1] = token
  end
end
return lost
