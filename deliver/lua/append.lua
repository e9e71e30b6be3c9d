-- id, document, keep most, ms to remember the id -> the entry's id, or '' if it is there already
local id, doc, most, memory = unpack(ARGV)
if not redis.call('SET', P .. 'seen:' .. id, 1, 'NX', 'PX', memory) then return '' end
local entry = redis.call('XADD', P .. 'log', 'MAXLEN', '~', most, '*', 'event', doc)
redis.call('PUBLISH', P .. 'news', entry)
return entry
