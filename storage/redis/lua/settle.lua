-- Records how the attempt ended.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 record
-- ARGV     1 now or '', 2 touch, 3 id, 4 lease token or '', 5 revision (without a token), 6 state, 7 ttl ms or '' (the
--          record's), 8 grace ms, 9 outcome, 10 error or '' (the record's), 11 retry after ms (released) or result ttl ms
--          (completed), 12 result
-- RETURNS  applied, now, record (without its result if applied)
--
-- Invariant: an outcome is final. Only what is in progress or unknown, not expired, and held by the token or at the
-- revision, changes; at the revision also what is released.

local now = clock(ARGV[1])
local packed = redis.call('get', KEYS[5])
local before = open(packed)
local is_open = before and (is_held(before) or ARGV[4] == '' and before[STATE] == RELEASED)
if not is_open or now >= before[EXPIRE] or not fits(before, ARGV[4], ARGV[5]) then
  return refuse(now, packed, ARGV[2])
end

local state = tonumber(ARGV[6])
local ttl = tonumber(ARGV[7]) or before[TTL]
local record = copy(before)
record[STATE] = state
record[REVISION] = before[REVISION] + 1
record[UPDATE] = now
record[SETTLE] = now
record[EXPIRE] = now + ttl
record[PURGE] = record[EXPIRE] + tonumber(ARGV[8])
record[OUTCOME] = ARGV[9]
record[RETRY] = state == RELEASED and now + tonumber(ARGV[11]) or 0
-- An unknown outcome stays for the orphan ttl, but the ttl asked for its outcome still stands.
if state ~= UNKNOWN then record[TTL] = ttl end
if ARGV[10] ~= '' then record[ERROR] = ARGV[10] end
if state == COMPLETED then
  record[ERROR] = false
  record[RESULT_BYTES] = #ARGV[12]
  record[RESULT_EXPIRE] = math.min(now + tonumber(ARGV[11]), record[EXPIRE])
end
if state == COMPLETED or state == FAILED then record[CHECKPOINT] = false end
return { 1, now, put(KEYS[5], ARGV[3], record, before, ARGV[12]) }
