-- KEYS: meta entries. ARGV: epoch seq id limit budget. Returns also size and log start.
local verdict = stand(ARGV[1], ARGV[2], ARGV[3])
local about = redis.call('HMGET', KEYS[1], 'size', 'floor')
local found = {}
if verdict == 'behind' then
    found = collect(KEYS[2], plus(ARGV[2], 1), tonumber(ARGV[4]), tonumber(ARGV[5]), own)
end
return {verdict, about[1] or '0', string.match(about[2] or '0:', '^%d+'), found}
