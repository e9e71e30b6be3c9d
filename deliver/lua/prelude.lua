-- What every script shares. KEYS[1] is the prefix of all keys of one kind of
-- job; its hash tag keeps them in one slot, as Redis Cluster wants it.
--
--   job:<id>        hash: what the job is and how far it is
--   log:<id>        list: its attempts
--   lane:<lane>     list: the ids of its jobs, the one to be worked first
--   lanes:<group>   sorted set: lanes by when they are due; a lane that is
--                   being worked is due when its lease ends
--   busy:<group>    sorted set: the lanes that are being worked
--   group:<group>   hash: pending, failing (since), disabled (since), why
--   ready:<site>    sorted set: groups by when it is worth looking at them
--   all, of:<group>, rec:<recording>   sorted sets: ids, by their creation in microseconds
--   finished        sorted set: ids of jobs that are over, by when they ended
local P = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- look has the next claim look at a group.
local function look(site, group)
  redis.call('ZADD', P .. 'ready:' .. site, 'LT', now, group)
end

local function append(id, site, group, lane)
  redis.call('HINCRBY', P .. 'group:' .. group, 'pending', 1)
  redis.call('PERSIST', P .. 'group:' .. group)
  redis.call('RPUSH', P .. 'lane:' .. lane, id)
  redis.call('ZADD', P .. 'lanes:' .. group, 'NX', now, lane)
  look(site, group)
  redis.call('PUBLISH', P .. 'wake:' .. site, '')
end

-- dequeue takes a job out of its lane; the one behind it is due at once.
local function dequeue(id, group, lane, keep)
  redis.call('LREM', P .. 'lane:' .. lane, 1, id)
  if redis.call('EXISTS', P .. 'lane:' .. lane) == 0 then
    redis.call('ZREM', P .. 'lanes:' .. group, lane)
  else
    redis.call('ZADD', P .. 'lanes:' .. group, now, lane)
  end
  redis.call('ZREM', P .. 'busy:' .. group, lane)
  if redis.call('HINCRBY', P .. 'group:' .. group, 'pending', -1) <= 0 then
    redis.call('PEXPIRE', P .. 'group:' .. group, keep)
  end
end

local function forget(id)
  local h = redis.call('HMGET', P .. 'job:' .. id, 'group', 'rec')
  redis.call('DEL', P .. 'job:' .. id, P .. 'log:' .. id)
  redis.call('ZREM', P .. 'finished', id)
  redis.call('ZREM', P .. 'all', id)
  if h[1] then redis.call('ZREM', P .. 'of:' .. h[1], id) end
  if h[2] and h[2] ~= '' then redis.call('ZREM', P .. 'rec:' .. h[2], id) end
end

-- file keeps a job that is over, and forgets a few that were kept long enough.
local function file(id, keep, most)
  local finished = P .. 'finished'
  redis.call('ZADD', finished, now, id)
  local old = redis.call('ZRANGEBYSCORE', finished, '-inf', now - keep, 'LIMIT', 0, 10)
  local excess = math.min(redis.call('ZCARD', finished) - most, 10)
  if #old == 0 and excess > 0 then old = redis.call('ZRANGE', finished, 0, excess - 1) end
  for _, one in ipairs(old) do forget(one) end
end
