"""What Redis executes in one piece, in Lua: nobody sees half of an entry, and no check grows old before its write.

Keys of one log:
  meta       hash: format, service, epoch (`format:epoch`), head and floor (`seq:id` of the newest event and of the last
             that was removed, each absent while there is none), size (bytes of the data that is held)
  entries    stream: id `seq-0`, fields i (the event's id), m (the rest but data, JSON), d (data)
  answers    hash: user NUL request -> StoredAnswer, JSON
  ages       sorted set: the keys of `answers` by time
  positions  hash: source -> Position, JSON
  snapshot   hash: seq, id (of that event), offsets (JSON), state
  floors     hash: channel, `global` too -> offset of the last event that was removed
  turn       string that expires: the replica that may append now; where there is none, anybody may
  queue      list: the replicas that wait for the turn
  keeper     string that expires: the replica that looks after the retention now
  channel:…  stream, one for each channel that holds events: id `offset-0`, field s (the event's seq)

Each script begins with the epoch and head that its caller has read up to. `lost`: the log is not the continuation of
that; `trimmed`: it is perhaps, but what came next was removed; `behind`: others have appended since.
"""

STAND = """
local function plus(number, more)
    return string.format('%.0f', tonumber(number) + more)
end

local function stand(epoch, seq, id)
    local held = redis.call('HMGET', KEYS[1], 'epoch', 'head', 'floor')
    local place = seq .. ':' .. id
    if held[1] ~= epoch then return 'lost' end
    if (held[2] or '0:') == place then return 'current' end
    local floor = held[3] or '0:'
    if floor == place then return 'behind' end
    if tonumber(seq) < tonumber(string.match(floor, '^%d+')) then return 'trimmed' end
    local known = redis.call('XRANGE', KEYS[2], seq, seq)[1]
    if not known or known[2][2] ~= id then return 'lost' end
    return 'behind'
end
"""

# As `base.Position.follows`, of what is stored; that nothing is, whoever has the turn has seen.
_FOLLOWS = """
local function newest(position)
    local mark = position.marks and position.marks[#position.marks]
    return mark and string.format('%.0f:', mark[1]) .. mark[2] or ''
end

local function follows(position, stored)
    if position.basis == '' then return false end
    local known, basis = cjson.decode(stored), cjson.decode(position.basis)
    return basis.epoch == known.epoch and basis.offset == known.offset and newest(basis) == newest(known)
end
"""

# KEYS: turn queue answers ages positions.
# ARGV: replica, how long its turn may last (ms), since when answers count, keys of answers.
TAKE = """
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
"""

# KEYS: meta entries answers ages positions turn queue floors channel…
# ARGV: header (JSON, see `redis._arguments`), how long the next one's turn may last (ms), the answers, then id, m, d of
# each event.
APPEND = (
    STAND
    + _FOLLOWS
    + """
local header = cjson.decode(ARGV[1])
local verdict = stand(header.epoch, header.seq, header.id)
if verdict == 'lost' or verdict == 'trimmed' then return {verdict} end
if header.once then
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
"""
)

_COLLECT = """
local function collect(key, first, limit, budget, fetch)
    local found, size, start = {}, 0, first
    while #found < limit do
        local some = redis.call('XRANGE', key, start, '+', 'COUNT', math.min(limit - #found, 32))
        if #some == 0 then return found end
        for _, record in ipairs(some) do
            local event = fetch(record)
            if not event then return nil end
            local fields = event[2]
            size = size + #fields[6]
            if #found > 0 and size > budget then return found end
            found[#found + 1] = {string.match(event[1], '^%d+'), fields[2], fields[4], fields[6]}
            start = plus(string.match(record[1], '^%d+'), 1)
        end
    end
    return found
end

local function own(record) return record end
"""

# KEYS: meta entries. ARGV: epoch seq id limit budget. Returns also size and floor.
NEWER = (
    STAND
    + _COLLECT
    + """
local verdict = stand(ARGV[1], ARGV[2], ARGV[3])
local about = redis.call('HMGET', KEYS[1], 'size', 'floor')
local found = {}
if verdict == 'behind' then
    found = collect(KEYS[2], plus(ARGV[2], 1), tonumber(ARGV[4]), tonumber(ARGV[5]), own)
end
return {verdict, about[1] or '0', string.match(about[2] or '0:', '^%d+'), found}
"""
)

# KEYS: meta entries [channel]. ARGV: epoch after limit budget.
READ = (
    STAND
    + _COLLECT
    + """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return {'lost'} end
local function referred(record)
    return redis.call('XRANGE', KEYS[2], record[2][2], record[2][2])[1]
end
local fetch = KEYS[3] and referred or own
local found = collect(KEYS[3] or KEYS[2], plus(ARGV[2], 1), tonumber(ARGV[3]), tonumber(ARGV[4]), fetch)
return found and {'found', found} or {'lost'}
"""
)

# KEYS: meta entries. ARGV: the epoch that was lost, a fresh one, format, service. Returns what then holds.
RENEW = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch or epoch == ARGV[1] then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
    redis.call('HSETNX', KEYS[1], 'format', ARGV[3])
    redis.call('HSETNX', KEYS[1], 'service', ARGV[4])
    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
    if last then redis.call('HSET', KEYS[1], 'head', string.match(last[1], '^%d+') .. ':' .. last[2][2]) end
end
return redis.call('HMGET', KEYS[1], 'epoch', 'format', 'service')
"""
