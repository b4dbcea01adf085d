-- Gives each orphan that has none a timer, at the instant from which it is one: never later than its purge, to which
-- compact.lua moves it. Step by step: there may be very many.
--
-- KEYS     1 index
-- ARGV     1 from, 2 to (scores), 3 how many to leave out, 4 how many at most
-- RETURNS  how many orphans were found, and the score of the last one

local index = KEYS[1]
local orphans = redis.call('zrangebyscore', index, ARGV[1], ARGV[2], 'withscores', 'limit', ARGV[3], ARGV[4])
if #orphans == 0 then return { 0, '' } end
local timers = {}
for at = 1, #orphans, 2 do
  timers[at] = whole(orphans[at + 1] - HELD)
  timers[at + 1] = TIMER .. orphans[at]
end
-- A write that takes no memory goes first, so that compaction finds work on a full Redis too.
redis.call('persist', index)
redis.call('zadd', index, 'nx', unpack(timers))
return { #orphans / 2, orphans[#orphans] }
