-- The events of a stream from an id on, up to a number of them and of bytes. `fetch` gives the event of a record.
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
