-- KEYS: turn queue answers ages positions.
-- ARGV: replica, how long its grant may last (ms), since when answers count, keys of answers.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    if not redis.call('LPOS', KEYS[2], ARGV[1]) then redis.call('RPUSH', KEYS[2], ARGV[1]) end
    return {'held'}
end
if not holder then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    redis.call('LREM', KEYS[2], 0, ARGV[1])
end
local answers = {}
for number = 4, #ARGV do
    local first = redis.call('HGET', KEYS[3], ARGV[number])
    if first and tonumber(redis.call('ZSCORE', KEYS[4], ARGV[number])) >= tonumber(ARGV[3]) then
        answers[#answers + 1] = first
    end
end
return {'yours', answers, redis.call('HVALS', KEYS[5])}
