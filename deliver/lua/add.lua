-- id, site, group, lane, recording, doc, max pending, keep in ms, keep most -> 'ok',
-- 'known', or 'full': filed as failed
local id, site, group, lane, rec, doc, pending, keep, most = unpack(ARGV)
local job = P .. 'job:' .. id
if redis.call('EXISTS', job) == 1 then return 'known' end
redis.call('HSET', job, 'site', site, 'group', group, 'lane', lane, 'rec', rec, 'doc', doc,
  'state', 'pending', 'tries', 0, 'made', now, 'due', now)
local made = string.format('%.0f', clock[1] * 1000000 + clock[2])
redis.call('ZADD', P .. 'all', made, id)
redis.call('ZADD', P .. 'of:' .. group, made, id)
if rec ~= '' then redis.call('ZADD', P .. 'rec:' .. rec, made, id) end
if tonumber(redis.call('HGET', P .. 'group:' .. group, 'pending') or '0') >= tonumber(pending) then
  redis.call('HSET', job, 'state', 'failed', 'ended', now, 'code', 'NO_CAPACITY',
    'error', 'too much is waiting for this receiver already')
  file(id, tonumber(keep), tonumber(most))
  return 'full'
end
append(id, site, group, lane)
return 'ok'
