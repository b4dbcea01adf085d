-- Deletes a record that stands at a revision; a live lease only by force.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 record
-- ARGV     1 now or '', 2 id, 3 revision, 4 '1' by force
-- RETURNS  removed

local now = clock(ARGV[1])
local record = open_front(KEYS[5])
if not record or not fits(record, '', ARGV[3]) then return 0 end
if record[STATE] == IN_PROGRESS and now < record[LEASE] and ARGV[4] ~= '1' then return 0 end
drop(KEYS[5], ARGV[2], record)
return 1
