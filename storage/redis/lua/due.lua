-- What may be due in a shard, oldest first. Gives each orphan that has none a timer, at the instant from which it is one:
-- never later than its purge, to which compact.lua moves it.
--
-- KEYS     1 index
-- ARGV     1 now, 2 how many to leave out, 3 how many at most
-- RETURNS  entries and instants, in turn

local index, now = KEYS[1], ARGV[1]
local orphans = redis.call('zrangebyscore', index, whole(HELD), whole(HELD + now), 'withscores')
-- A write that takes no memory goes first, so that compaction finds work on a full Redis too.
if #orphans > 0 then redis.call('persist', index) end
for at = 1, #orphans, 2 do
  redis.call('zadd', index, 'nx', whole(orphans[at + 1] - HELD), TIMER .. orphans[at])
end
return redis.call('zrangebyscore', index, '-inf', now, 'withscores', 'limit', ARGV[2], ARGV[3])
