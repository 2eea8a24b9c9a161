-- KEYS: meta. ARGV: epoch and head as they were copied, then epoch, format, size.
local held = redis.call('HMGET', KEYS[1], 'epoch', 'head')
if held[1] ~= ARGV[1] then return 0 end
if (held[2] or '') ~= ARGV[2] then return redis.error_reply('it is still written to') end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'format', ARGV[4], 'size', ARGV[5])
return 1
