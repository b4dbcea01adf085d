-- The record as it stands.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 record
-- ARGV     1 now or '', 2 touch, 3 '1' with its result
-- RETURNS  0, now, record

local packed
if ARGV[3] == '1' then
  packed = redis.call('get', KEYS[5])
else
  local _, front = open_front(KEYS[5])
  packed = front or false
end
return refuse(clock(ARGV[1]), packed, ARGV[2])
