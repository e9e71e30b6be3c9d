-- id, doc or '', group or '', which, keep in ms -> 'absent', 'skipped' or 'ok'.
-- Which: 'failed' or 'finished' jobs only, or 'any'. A pending job keeps its place,
-- and its lane is due at once; with a doc, whoever works on the old one loses the lease.
local id, doc, group, which, keep = unpack(ARGV)
local job = P .. 'job:' .. id
local h = redis.call('HMGET', job, 'state', 'site', 'group', 'lane')
local state, site, was, lane = h[1], h[2], h[3], h[4]
if not state then return 'absent' end
if which == 'failed' and state ~= 'failed' or which == 'finished' and state == 'pending' then
  return 'skipped'
end
if state == 'pending' and doc == '' then
  if not redis.call('ZSCORE', P .. 'busy:' .. was, lane) then
    redis.call('HSET', job, 'tries', 0, 'due', now)
    redis.call('ZADD', P .. 'lanes:' .. was, now, lane)
    look(site, was)
    redis.call('PUBLISH', P .. 'wake:' .. site, '')
  end
  return 'ok'
end
if state == 'pending' then
  dequeue(id, was, lane, keep)
  look(site, was)
end
if doc ~= '' then
  redis.call('ZREM', P .. 'of:' .. was, id)
  redis.call('ZADD', P .. 'of:' .. group, redis.call('ZSCORE', P .. 'all', id), id)
  redis.call('HSET', job, 'doc', doc, 'group', group)
  was = group
end
redis.call('ZREM', P .. 'finished', id)
redis.call('HDEL', job, 'token', 'code', 'error', 'ended')
redis.call('HSET', job, 'state', 'pending', 'tries', 0, 'due', now, 'sent', 0)
append(id, site, was, lane)
return 'ok'
