-- All of a log but its events, at one moment. KEYS: meta answers positions snapshot floors.
return {
    redis.call('HGETALL', KEYS[1]), redis.call('HVALS', KEYS[2]), redis.call('HVALS', KEYS[3]),
    redis.call('HMGET', KEYS[4], 'seq', 'offsets', 'state'), redis.call('HGETALL', KEYS[5]),
}
