-- KEYS: meta entries answers ages positions turn queue floors channel…
-- ARGV: header (JSON, see `redis.RedisLog._arguments`), how long the next grant may last (ms), the answers, then id, m, d
-- of each event.
local header = cjson.decode(ARGV[1])
local verdict = stand(header.epoch, header.seq, header.id)
if verdict == 'lost' or verdict == 'trimmed' then return {verdict} end
for _, answer in ipairs(header.answers) do
    local first = redis.call('HGET', KEYS[3], answer.key)
    if first and tonumber(redis.call('ZSCORE', KEYS[4], answer.key)) >= tonumber(answer.since) then
        redis.call('HSET', KEYS[1], 'asked', '1')  -- a write, so that WAIT waits for the first one too
        return {'answered', first}
    end
end
for _, position in ipairs(header.positions) do
    local stored = redis.call('HGET', KEYS[5], position.source)
    if stored and not follows(position, stored) then return {'taken', stored} end
end
local holder = redis.call('GET', KEYS[6])
if verdict ~= 'current' or (holder and holder ~= header.replica) then return {'behind'} end

local seq, ends = header.seq, {}
for _, event in ipairs(header.events) do
    seq = plus(seq, 1)
    if event.seq ~= seq then return {'misnumbered'} end
    for _, place in ipairs(event.channels) do
        local key, offset = place[1], place[2]
        if not ends[key] then
            local last = redis.call('XREVRANGE', KEYS[key], '+', '-', 'COUNT', 1)[1]
            local floor = not last and redis.call('HGET', KEYS[8], header.channels[key - 8])
            ends[key] = last and string.match(last[1], '^%d+') or floor or '0'
        end
        if plus(ends[key], 1) ~= offset then return {'misnumbered'} end
        ends[key] = offset
    end
end

local size = 0
for number, event in ipairs(header.events) do
    local at = 3 * number + #header.answers
    size = size + #ARGV[at + 2]
    redis.call('XADD', KEYS[2], event.seq .. '-0', 'i', ARGV[at], 'm', ARGV[at + 1], 'd', ARGV[at + 2])
    for _, place in ipairs(event.channels) do
        redis.call('XADD', KEYS[place[1]], place[2] .. '-0', 's', event.seq)
    end
    redis.call('HSET', KEYS[1], 'head', event.seq .. ':' .. ARGV[at])
end
for number, answer in ipairs(header.answers) do
    redis.call('HSET', KEYS[3], answer.key, ARGV[2 + number])
    redis.call('ZADD', KEYS[4], answer.at, answer.key)
    local old = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', '(' .. answer.since, 'LIMIT', 0, 100)
    if #old > 0 then
        redis.call('HDEL', KEYS[3], unpack(old))
        redis.call('ZREM', KEYS[4], unpack(old))
    end
end
for _, position in ipairs(header.positions) do redis.call('HSET', KEYS[5], position.source, position.stored) end
local waiting = redis.call('LPOP', KEYS[7])
if waiting then
    redis.call('SET', KEYS[6], waiting, 'PX', ARGV[2])
elseif holder and not header.more then
    redis.call('DEL', KEYS[6])
end
return {'stored', redis.call('HINCRBY', KEYS[1], 'size', size)}
