-- Records as they stand, without their results.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 and on: records
-- RETURNS  for each, the record or false

local records = {}
for at = 5, #KEYS do
  local _, front = open_front(KEYS[at])
  records[at - 4] = front or false
end
return records
