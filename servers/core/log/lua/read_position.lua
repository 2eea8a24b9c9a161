-- Whether the log is the continuation of what a caller has read: up to the event with this number and id, in this
-- epoch. "lost": it is not. "trimmed": it may be, but what came next was removed. "behind": others have appended since.
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
