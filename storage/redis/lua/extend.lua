-- Moves the lease, saves a checkpoint, or both.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 record
-- ARGV     1 now or '', 2 touch, 3 id, 4 lease token or '', 5 revision (without a token), 6 lease ms or '' (as it is),
--          7 hold ms max, 8 orphan ttl ms or '' (the record's ttl), 9 grace ms, 10 '1' with a checkpoint, 11 checkpoint
-- RETURNS  applied, now, record (without its result if applied)
--
-- Invariant: only what is in progress or unknown, not expired, and held by the token or at the revision, changes.

local now = clock(ARGV[1])
local packed = redis.call('get', KEYS[5])
local before = open(packed)
if not before or now >= before[EXPIRE] or not is_held(before) or not fits(before, ARGV[4], ARGV[5]) then
  return refuse(now, packed, ARGV[2])
end

local record = copy(before)
record[REVISION] = before[REVISION] + 1
record[UPDATE] = now
if ARGV[10] == '1' then record[CHECKPOINT] = ARGV[11] end
if ARGV[6] ~= '' then
  record[LEASE] = math.min(now + tonumber(ARGV[6]), before[HOLD] + tonumber(ARGV[7]))
  if record[STATE] == IN_PROGRESS then
    record[EXPIRE] = record[LEASE] + (tonumber(ARGV[8]) or before[TTL])
    record[PURGE] = record[EXPIRE] + tonumber(ARGV[9])
  end
end
return { 1, now, put(KEYS[5], ARGV[3], record, before, '') }
