-- id, token, state, pause in ms, attempt, code, error, health, ms of failing that
-- disable or 0, keep in ms, keep most, bytes sent -> 'ok', 'lost', or 'disabled' when this
-- call disabled the group. State pending: the job is due again after the pause.
local id, token, state, pause, attempt, code, message, health, patience, keep, most, sent = unpack(ARGV)
local job = P .. 'job:' .. id
local h = redis.call('HMGET', job, 'token', 'site', 'group', 'lane')
if h[1] ~= token then return 'lost' end
local site, group, lane, result = h[2], h[3], h[4], 'ok'
redis.call('HDEL', job, 'token', 'code', 'error')
redis.call('HSET', job, 'state', state, 'sent', sent)
if code ~= '' then redis.call('HSET', job, 'code', code, 'error', message) end
if attempt ~= '' then
  redis.call('RPUSH', P .. 'log:' .. id, attempt)
  redis.call('LTRIM', P .. 'log:' .. id, -50, -1)
  redis.call('HINCRBY', job, 'tries', 1)
end

local record = P .. 'group:' .. group
if health == 'good' then
  redis.call('HDEL', record, 'failing')
elseif health ~= '' then
  redis.call('HSETNX', record, 'failing', now)
  local long = tonumber(patience) > 0 and now - redis.call('HGET', record, 'failing') >= tonumber(patience)
  if (health == 'gone' or long) and redis.call('HSETNX', record, 'disabled', now) == 1 then
    redis.call('HSET', record, 'why', message)
    result = 'disabled'
  end
end

if state == 'pending' then
  redis.call('HSET', job, 'due', now + pause)
  redis.call('ZADD', P .. 'lanes:' .. group, now + pause, lane)
  redis.call('ZREM', P .. 'busy:' .. group, lane)
else
  redis.call('HSET', job, 'ended', now)
  dequeue(id, group, lane, keep)
  file(id, tonumber(keep), tonumber(most))
end
look(site, group)
return result
