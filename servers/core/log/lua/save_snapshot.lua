-- KEYS: meta entries snapshot. ARGV: epoch seq id, then the seq, offsets and state of the snapshot.
local verdict = stand(ARGV[1], ARGV[2], ARGV[3])
if verdict == 'lost' or verdict == 'trimmed' then return verdict end
local kept = redis.call('HMGET', KEYS[3], 'seq', 'id')
if kept[1] and tonumber(kept[1]) > tonumber(ARGV[4]) then return 'saved' end
local event = redis.call('XRANGE', KEYS[2], ARGV[4], ARGV[4])[1]
local id = event and event[2][2] or (kept[1] == ARGV[4] and kept[2]) or ''
if id == '' and ARGV[4] ~= '0' then return 'lost' end
redis.call('HSET', KEYS[3], 'seq', ARGV[4], 'id', id, 'offsets', ARGV[5], 'state', ARGV[6])
return 'saved'
