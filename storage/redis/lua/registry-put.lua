-- Writes an entry if it stands at the revision expected.
--
-- KEYS     1 names of the collection, 2 values of the collection
-- ARGV     1 name, 2 value, 3 expected revision (0: no entry), or '' for any
-- RETURNS  the new revision, or 0
--
-- A value is its revision, a space, and the document. Invariant: names and values hold the same names.

local standing = redis.call('hget', KEYS[2], ARGV[1])
local revision = standing and tonumber(string.match(standing, '^%d+')) or 0
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= revision then return 0 end
redis.call('hset', KEYS[2], ARGV[1], (revision + 1) .. ' ' .. ARGV[2])
redis.call('zadd', KEYS[1], 0, ARGV[1])
return revision + 1
