-- What every script shares. KEYS[1] is the prefix of all keys; its hash tag
-- keeps them in one slot, so that Redis Cluster accepts the scripts too.
local P = KEYS[1]

local function final(state)
  return state == 'stopped' or state == 'failed'
end

-- record is how a record travels: stop flag, wish, newline, document.
local function record(stop, wish, doc)
  return stop .. (wish or '') .. '\n' .. doc
end

-- note appends to the news, which stay until somebody has told them. They are bounded
-- for the case that nobody ever does.
local function note(kind, record, track)
  redis.call('XADD', P .. 'news', 'MAXLEN', '~', '100000', '*', 'kind', kind, 'record', record, 'track', track or '')
end

-- note_change notes what a new state means to those who are told of recordings.
local function note_change(rec, before, state, record)
  if state == 'recording' and redis.call('HSETNX', rec, 'began', '1') == 1 then
    note('recording.started', record)
  end
  if state == 'paused' and before ~= 'paused' then
    note('recording.paused', record)
  elseif before == 'paused' and (state == 'recording' or state == 'starting') then
    note('recording.resumed', record)
  end
  if final(state) and not final(before) then note('recording.' .. state, record) end
end

-- note_turn keeps who recorded under which epoch, a line each.
local function note_turn(rec, epoch, node)
  local turns = redis.call('HGET', rec, 'turns') or ''
  if not string.find('\n' .. turns, '\n' .. epoch .. ' ', 1, true) then
    redis.call('HSET', rec, 'turns', turns .. epoch .. ' ' .. node .. '\n')
  end
end

-- write stores a record, keeps the indexes in step, notes the news and tells the watchers.
-- The stop flag and the wish belong to the callers, the document to the node that
-- records. A wish of '' keeps the one that there is.
local function write(id, room, selection, doc, state, stop, epoch, wish)
  local rec, live, want = P .. 'rec:' .. id, P .. 'live:' .. room, P .. 'want:' .. room
  local before = redis.call('HGET', rec, 'state')
  if wish and wish ~= '' then redis.call('HSET', rec, 'wish', wish) end
  redis.call('HSET', rec, 'doc', doc, 'state', state, 'stop', stop, 'epoch', epoch,
    'room', room, 'selection', selection)
  redis.call('ZADD', P .. 'all', 0, id)
  redis.call('ZADD', P .. 'room:' .. room, 0, id)
  if final(state) then
    redis.call('ZREM', P .. 'live', id)
    redis.call('SREM', live, id)
    if redis.call('HGET', want, selection) == id then redis.call('HDEL', want, selection) end
    if redis.call('EXISTS', live) == 0 then redis.call('SREM', P .. 'rooms', room) end
  else
    redis.call('ZADD', P .. 'live', 0, id)
    redis.call('SADD', live, id)
    redis.call('HSETNX', want, selection, id)
    redis.call('SADD', P .. 'rooms', room)
  end
  local now = record(stop, redis.call('HGET', rec, 'wish'), doc)
  note_change(rec, before, state, now)
  redis.call('PUBLISH', P .. 'changes', now)
end

-- fenced reports whether a newer epoch than the caller's was granted for the
-- room, or the same number to somebody else (Redis went back to a snapshot).
local function fenced(room, epoch, node)
  local newest = tonumber(redis.call('GET', P .. 'epoch:' .. room) or '0')
  local lease = redis.call('GET', P .. 'lease:' .. room)
  return newest > tonumber(epoch) or (lease and lease ~= epoch .. ' ' .. node)
end

-- keep_epoch holds the counter at or above a granted epoch. It may expire once
-- nobody uses it: claim seeds a missing counter from the clock.
local function keep_epoch(room, epoch)
  local counter = P .. 'epoch:' .. room
  if tonumber(redis.call('GET', counter) or '0') < tonumber(epoch) then
    redis.call('SET', counter, epoch)
  end
  redis.call('EXPIRE', counter, 86400)
end

-- meet returns the generation of Redis' memory and whether nothing may be granted
-- now: once a caller meets a Redis that has lost its memory, whoever holds a room is
-- given one ttl to renew the lease before anybody else can claim it.
local function meet(seen, ttl)
  local now, generation = redis.call('TIME'), P .. 'generation'
  if redis.call('SETNX', generation, now[1] .. '.' .. now[2]) == 1 and seen ~= '' then
    redis.call('SET', P .. 'recalling', '1', 'PX', ttl)
  end
  return redis.call('GET', generation), redis.call('EXISTS', P .. 'recalling') == 1
end
