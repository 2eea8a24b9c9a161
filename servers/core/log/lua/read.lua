-- KEYS: meta entries [channel]. ARGV: epoch after limit budget.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return {'lost'} end
local function referred(record)
    return redis.call('XRANGE', KEYS[2], record[2][2], record[2][2])[1]
end
local fetch = KEYS[3] and referred or own
local found = collect(KEYS[3] or KEYS[2], plus(ARGV[2], 1), tonumber(ARGV[3]), tonumber(ARGV[4]), fetch)
return found and {'found', found} or {'lost'}
