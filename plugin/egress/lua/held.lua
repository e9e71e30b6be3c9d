-- Whether the caller holds a job, and what it does under its lease.
-- KEYS: lease, job, jobs. ARGV: holder, id, verb, ttl in ms, document -> 1, or 0 when another holds it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == 'renew' then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
elseif ARGV[3] == 'save' then
  redis.call('SET', KEYS[2], ARGV[5])
elseif ARGV[3] == 'release' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == 'finish' then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('SREM', KEYS[3], ARGV[2])
end
return 1
