-- Deletes an entry if it stands at the revision expected.
--
-- KEYS     1 names of the collection, 2 values of the collection
-- ARGV     1 name, 2 expected revision, or '' for any
-- RETURNS  removed
--
-- Invariant: names and values hold the same names.

local standing = redis.call('hget', KEYS[2], ARGV[1])
if not standing then return 0 end
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= tonumber(string.match(standing, '^%d+')) then return 0 end
redis.call('hdel', KEYS[2], ARGV[1])
redis.call('zrem', KEYS[1], ARGV[1])
return 1
