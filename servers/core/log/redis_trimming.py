"""What Redis executes in one piece for retention: whoever does it, and wherever it stops, nothing is half gone.

A snapshot only makes way for one that reaches as far, and events are removed only where one stands for them, from all
of their channels at once. Both are refused to whoever has read another history than the log now holds.
"""

from bodhisattva.servers.core.log.redis_scripts import STAND

# KEYS: keeper. ARGV: replica, for how long (ms; 0: no longer). Returns whether it is the one.
LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
"""

# KEYS: meta entries snapshot. ARGV: epoch seq id, then the snapshot's seq, offsets, state.
SAVE = (
    STAND
    + """
local verdict = stand(ARGV[1], ARGV[2], ARGV[3])
if verdict == 'lost' or verdict == 'trimmed' then return verdict end
local kept = redis.call('HMGET', KEYS[3], 'seq', 'id')
if kept[1] and tonumber(kept[1]) > tonumber(ARGV[4]) then return 'saved' end
local event = redis.call('XRANGE', KEYS[2], ARGV[4], ARGV[4])[1]
local id = event and event[2][2] or (kept[1] == ARGV[4] and kept[2]) or ''
if id == '' and ARGV[4] ~= '0' then return 'lost' end
redis.call('HSET', KEYS[3], 'seq', ARGV[4], 'id', id, 'offsets', ARGV[5], 'state', ARGV[6])
return 'saved'
"""
)

# KEYS: meta entries snapshot floors channel…
# ARGV: epoch seq id, the floor so far, seq and id of the last event to remove, the bytes of data that go (negative),
# then name and new floor of each channel. Returns also the size that is left.
TRIM = (
    STAND
    + """
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
"""
)
