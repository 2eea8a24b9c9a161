-- KEYS: meta entries. ARGV: the epoch that was lost, a fresh one, format, service. Returns what then holds.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch or epoch == ARGV[1] then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
    redis.call('HSETNX', KEYS[1], 'format', ARGV[3])
    redis.call('HSETNX', KEYS[1], 'service', ARGV[4])
    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
    if last then redis.call('HSET', KEYS[1], 'head', string.match(last[1], '^%d+') .. ':' .. last[2][2]) end
end
return redis.call('HMGET', KEYS[1], 'epoch', 'format', 'service')
