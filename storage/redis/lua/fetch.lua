-- Records as they stand, without their results.
--
-- KEYS     records
-- RETURNS  for each, the record or false

local records = {}
for at, key in ipairs(KEYS) do
  local _, _, front = open_front(key)
  records[at] = front
end
return records
