-- KEYS: meta entries snapshot floors channel…
-- ARGV: epoch seq id, the log start so far, seq and id of the last event to remove, the bytes of data that go (negative),
-- then name and new log start of each channel. Returns also the size that is left.
local verdict = stand(ARGV[1], ARGV[2], ARGV[3])
if verdict == 'lost' or verdict == 'trimmed' then return {verdict} end
if (redis.call('HGET', KEYS[4], 'global') or '0') ~= ARGV[4] then return {'moved'} end
local covered = redis.call('HGET', KEYS[3], 'seq')
if not covered or tonumber(covered) < tonumber(ARGV[5]) then return {'uncovered'} end
redis.call('XTRIM', KEYS[2], 'MINID', plus(ARGV[5], 1))
for number = 5, #KEYS do
    local channel, floor = ARGV[2 * number - 2], ARGV[2 * number - 1]
    redis.call('XTRIM', KEYS[number], 'MINID', plus(floor, 1))
    if redis.call('XLEN', KEYS[number]) == 0 then redis.call('DEL', KEYS[number]) end
    redis.call('HSET', KEYS[4], channel, floor)
end
redis.call('HSET', KEYS[4], 'global', ARGV[5])
redis.call('HSET', KEYS[1], 'floor', ARGV[5] .. ':' .. ARGV[6])
return {'removed', redis.call('HINCRBY', KEYS[1], 'size', ARGV[7])}
