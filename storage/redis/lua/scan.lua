-- Entries of the index between two scores, in its order; no timers.
--
-- KEYS     1 index
-- ARGV     1 from, 2 to (scores), 3 how many to leave out, 4 how many to look at, 5 the start of wanted entries, or ''
-- RETURNS  how many were looked at, entry and score of the last one, then those wanted and their scores, in turn

local found = redis.call('zrangebyscore', KEYS[1], ARGV[1], ARGV[2], 'withscores', 'limit', ARGV[3], ARGV[4])
local start = ARGV[5]
local answer = { #found / 2, found[#found - 1] or '', found[#found] or '' }
for at = 1, #found, 2 do
  local entry = found[at]
  if string.sub(entry, 1, 1) ~= TIMER and string.sub(entry, 1, #start) == start then
    answer[#answer + 1] = entry
    answer[#answer + 1] = found[at + 1]
  end
end
return answer
