-- Takes the lease if the expectation holds.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 record
-- ARGV     1 now or '', 2 touch, 3 id, 4 namespace, 5 'absent' or a revision, 6 lease token, 7 claim, 8 lease ms,
--          9 orphan ttl ms, 10 ttl ms, 11 grace ms
-- RETURNS  applied, now, record (without its result if applied)
--
-- Invariant: of claims with one expectation one is applied; revision and fencing token only grow.

local FRESH, LATE_RETRY, AFTER_RELEASE, TAKEN_OVER = 1, 2, 3, 4

local now = clock(ARGV[1])
local packed = redis.call('get', KEYS[5])
local before = open(packed)
local present = before and now < before[EXPIRE] and before
local expected = ARGV[5]
if expected == 'absent' and present or expected ~= 'absent' and not (present and fits(present, '', expected)) then
  return refuse(now, packed, ARGV[2])
end

local origin = before and LATE_RETRY or FRESH
if present then origin = present[STATE] == RELEASED and AFTER_RELEASE or TAKEN_OVER end
local lease = now + tonumber(ARGV[8])
local expire = lease + tonumber(ARGV[9])
-- From the clock on, not from 1: a key that was purged and made again repeats neither number.
local revision = math.max(before and before[REVISION] + 1 or 0, now)
local fencing = math.max(before and before[FENCING] + 1 or 0, now)
local record = {
  1, IN_PROGRESS, origin, 0, ARGV[6],
  revision, present and present[ATTEMPT] + 1 or 1, fencing, lease, now, present and present[CREATE] or now, now,
  0, 0, tonumber(ARGV[10]), expire, 0, expire + tonumber(ARGV[11]), before and before[DUE] or 0,
  0, 0, 0, 0, 0, 0,
  ARGV[4], ARGV[7], '', present and present[ERROR], present and present[CHECKPOINT], 0, 0,
}
return { 1, now, put(KEYS[5], ARGV[3], record, before, '') }
