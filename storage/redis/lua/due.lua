-- What may be due in a shard, oldest first.
--
-- KEYS     1 index
-- ARGV     1 now, 2 how many to leave out, 3 how many at most
-- RETURNS  entries and instants, in turn

return redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'withscores', 'limit', ARGV[2], ARGV[3])
