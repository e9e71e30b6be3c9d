-- What one folder has of a recording that has ended. id, folder, manifest or '' for none
-- to be kept, then epoch and node of each turn that it covers -> 'absent', or the turns
-- that are known, then all manifests that are kept
local id, folder, manifest = unpack(ARGV)
local rec, shares = P .. 'rec:' .. id, P .. 'shares:' .. id
if redis.call('EXISTS', rec) == 0 then return {'absent'} end
for i = 4, #ARGV, 2 do note_turn(rec, ARGV[i], ARGV[i + 1]) end
if manifest ~= '' and redis.call('HGET', shares, folder) ~= manifest then
  redis.call('HSET', shares, folder, manifest)
  -- Others that have some of it look again.
  local h = redis.call('HMGET', rec, 'stop', 'wish', 'doc')
  redis.call('PUBLISH', P .. 'changes', record(h[1], h[2], h[3]))
end
local reply = redis.call('HVALS', shares)
table.insert(reply, 1, redis.call('HGET', rec, 'turns') or '')
return reply
