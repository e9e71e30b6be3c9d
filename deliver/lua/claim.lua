-- site, at most, ttl in ms, lanes of a group at once
-- -> ms until it is worth asking again or -1, then {id, token, doc, tries, disabled, recording} each
local site, most, ttl, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ready, out = P .. 'ready:' .. site, {}

local function take(group, lane, disabled)
  local lanes = P .. 'lanes:' .. group
  local id = redis.call('LINDEX', P .. 'lane:' .. lane, 0)
  if not id then return redis.call('ZREM', lanes, lane) end
  -- The time keeps tokens apart when Redis loses its memory.
  local job, token = P .. 'job:' .. id, string.format('%d-%d', now, redis.call('INCR', P .. 'token'))
  redis.call('HSET', job, 'token', token)
  redis.call('ZADD', lanes, now + ttl, lane)
  redis.call('ZADD', P .. 'busy:' .. group, now + ttl, lane)
  local h = redis.call('HMGET', job, 'doc', 'tries', 'rec')
  out[#out + 1] = {id, token, h[1], h[2], disabled, h[3]}
end

local function work(group)
  local lanes, busy = P .. 'lanes:' .. group, P .. 'busy:' .. group
  redis.call('ZREMRANGEBYSCORE', busy, '-inf', now)
  local h = redis.call('HMGET', P .. 'group:' .. group, 'failing', 'disabled')
  -- A receiver that failed is asked by one lane until it answers well again.
  local allowed = h[1] and not h[2] and 1 or limit
  local free = math.min(allowed - redis.call('ZCARD', busy), most - #out)
  if free > 0 then
    for _, lane in ipairs(redis.call('ZRANGEBYSCORE', lanes, '-inf', now, 'LIMIT', 0, free)) do
      take(group, lane, h[2] and '1' or '0')
    end
  end
  local full = redis.call('ZCARD', busy) >= allowed
  local first = redis.call('ZRANGE', full and busy or lanes, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', ready, first[2], group)
  else
    redis.call('ZREM', ready, group)
  end
end

while #out < most do
  local groups = redis.call('ZRANGEBYSCORE', ready, '-inf', now, 'LIMIT', 0, 50)
  if #groups == 0 then break end
  for _, group in ipairs(groups) do
    if #out == most then break end
    work(group)
  end
end
local first = redis.call('ZRANGE', ready, 0, 0, 'WITHSCORES')
table.insert(out, 1, first[2] and math.max(0, tonumber(first[2]) - now) or -1)
return out
