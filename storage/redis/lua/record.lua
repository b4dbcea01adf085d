-- What the scripts of a record share; scripts.ts puts it in front of each.
--
-- A record is one string in one key: a head of fixed width, then the parts namespace, claim, outcome, error, checkpoint
-- and result as the server sent them, byte for byte, never looked into here. Error and checkpoint may be absent: their
-- length is kept one higher, 0 means none. pack.ts reads the same layout.
--
-- KEYS  1 names, 2 due, 3 held, 4 counts of the shard, 5 and on: its records. All in one slot.
--
-- Invariant, held by `put` and `drop`: the sets of the shard say of each record what the record says itself.
--   names   every record, all with score 0
--   due     every record, with an instant not later than compaction's next work with it
--   held    those in progress or unknown, with the instant from which they are orphans
--   counts  records and bytes by state and namespace

local NAMES, DUE_SET, HELD, COUNTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local IN_PROGRESS, COMPLETED, FAILED, RELEASED, UNKNOWN = 1, 2, 3, 4, 5

-- Here a record is an array, the head's fields first: a table with names took three times as long to fill and to pack.
local HEAD = '<BBBBc32ddddddddddddddI4I4I4I4I4I4'
local HEAD_BYTES = 172
local LAYOUT, STATE, ORIGIN, DROPPED, TOKEN = 1, 2, 3, 4, 5
local REVISION, ATTEMPT, FENCING, LEASE, HOLD, CREATE, UPDATE = 6, 7, 8, 9, 10, 11, 12
local SETTLE, RETRY, TTL, EXPIRE, RESULT_EXPIRE, PURGE, DUE = 13, 14, 15, 16, 17, 18, 19
local NAMESPACE_BYTES, CLAIM_BYTES, OUTCOME_BYTES, ERROR_BYTES, CHECKPOINT_BYTES, RESULT_BYTES = 20, 21, 22, 23, 24, 25
-- Behind the head: its parts, how long all of it but the result is, and how long what it counts in bytes.
local NAMESPACE, CLAIM, OUTCOME, ERROR, CHECKPOINT, FRONT_BYTES, STORED_BYTES = 26, 27, 28, 29, 30, 31, 32
local DUE_OFFSET = 140

-- One clock: the server's, read once a script, unless the caller brings a virtual one.
local function clock(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('time')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function is_held(record) return record[STATE] == IN_PROGRESS or record[STATE] == UNKNOWN end

-- Whether the caller holds the record: by its token, or, without one, by the revision that it saw.
local function fits(record, token, revision)
  if token ~= '' then return record[TOKEN] == token end
  return record[REVISION] == tonumber(revision)
end

-- The record in a packed string, but for its result; nil for none. `bytes`: how long it is stored, when this is a part.
local function open(packed, bytes)
  if not packed then return nil end
  local record = { struct.unpack(HEAD, packed) }
  local claim = HEAD_BYTES + record[NAMESPACE_BYTES]
  local outcome = claim + record[CLAIM_BYTES]
  local error = outcome + record[OUTCOME_BYTES]
  local checkpoint = error + math.max(record[ERROR_BYTES] - 1, 0)
  local result = checkpoint + math.max(record[CHECKPOINT_BYTES] - 1, 0)
  record[NAMESPACE] = string.sub(packed, HEAD_BYTES + 1, claim)
  record[CLAIM] = string.sub(packed, claim + 1, outcome)
  record[OUTCOME] = string.sub(packed, outcome + 1, error)
  record[ERROR] = record[ERROR_BYTES] > 0 and string.sub(packed, error + 1, checkpoint)
  record[CHECKPOINT] = record[CHECKPOINT_BYTES] > 0 and string.sub(packed, checkpoint + 1, result)
  record[FRONT_BYTES] = result
  record[STORED_BYTES] = (bytes or #packed) - checkpoint
  return record
end

-- As `open`, without reading the result, which may be a megabyte. Also returns all but the result, packed.
local function open_front(key)
  local packed = redis.call('getrange', key, 0, 4095)
  if packed == '' then return nil end
  local bytes = redis.call('strlen', key)
  local record = open(packed, bytes)
  if record[FRONT_BYTES] > #packed then
    packed = redis.call('getrange', key, 0, record[FRONT_BYTES] - 1)
    record = open(packed, bytes)
  end
  return record, string.sub(packed, 1, record[FRONT_BYTES])
end

local function copy(record) return { unpack(record, 1, STORED_BYTES) } end

local function seal(record)
  local error, checkpoint = record[ERROR], record[CHECKPOINT]
  record[NAMESPACE_BYTES] = #record[NAMESPACE]
  record[CLAIM_BYTES] = #record[CLAIM]
  record[OUTCOME_BYTES] = #record[OUTCOME]
  record[ERROR_BYTES] = error and #error + 1 or 0
  record[CHECKPOINT_BYTES] = checkpoint and #checkpoint + 1 or 0
  return struct.pack(HEAD, unpack(record, 1, RESULT_BYTES))
    .. record[NAMESPACE] .. record[CLAIM] .. record[OUTCOME] .. (error or '') .. (checkpoint or '')
end

-- One number counts both: records times 2^40, plus bytes. A change stays whole in Lua's doubles, and the sum in the 64
-- bits of HINCRBY up to 2^22 records and 2^40 bytes a shard, namespace and state.
local ONE = 1099511627776

local function count(field, amount)
  if amount ~= 0 and redis.call('hincrby', COUNTS, field, amount) == 0 then redis.call('hdel', COUNTS, field) end
end

-- In progress counts all records of the namespace, and the bytes of those in progress; the other states count their own.
-- Who reads subtracts, so that a claim and its outcome cost one count each.
local function recount(namespace, before, after)
  local from = before and ONE + before[STORED_BYTES] or 0
  local to = after and ONE + after[STORED_BYTES] or 0
  local old = before and before[STATE] or IN_PROGRESS
  local new = after and after[STATE] or IN_PROGRESS
  count(IN_PROGRESS .. namespace, (new == IN_PROGRESS and to or ONE) - (old == IN_PROGRESS and from or ONE))
  if old == new then
    if new ~= IN_PROGRESS then count(new .. namespace, to - from) end
    return
  end
  if old ~= IN_PROGRESS then count(old .. namespace, -from) end
  if new ~= IN_PROGRESS then count(new .. namespace, to) end
end

-- When compaction next has work with a record.
local function due_of(record)
  if record[RESULT_EXPIRE] ~= 0 then return math.min(record[RESULT_EXPIRE], record[PURGE]) end
  return record[PURGE]
end

-- Stores a record in place of `before` (nil: there was none) and returns it packed, without its result.
local function put(key, id, record, before, result)
  -- ZREM first: it may run when the memory is full, and once a script has written, the rest may too. A full Redis still
  -- settles.
  local held = is_held(record)
  if before and is_held(before) and not held then redis.call('zrem', HELD, id) end
  local due = due_of(record)
  if not before then
    redis.call('zadd', NAMES, 0, id)
    -- As early as a settle with the ttl of the claim can make it, so that it need not move.
    due = math.min(due, record[CREATE] + record[TTL])
  end
  if not before or due < before[DUE] then
    record[DUE] = due
    redis.call('zadd', DUE_SET, due, id)
  end
  if held then redis.call('zadd', HELD, record[STATE] == UNKNOWN and record[SETTLE] or record[LEASE], id) end
  local front = seal(record)
  redis.call('set', key, front .. result)
  record[STORED_BYTES] = #result + #(record[CHECKPOINT] or '')
  recount(record[NAMESPACE], before, record)
  return front
end

local function forget(id)
  redis.call('zrem', NAMES, id)
  redis.call('zrem', DUE_SET, id)
  redis.call('zrem', HELD, id)
end

local function drop(key, id, record)
  redis.call('del', key)
  forget(id)
  recount(record[NAMESPACE], record, nil)
end

-- The answer when a condition does not hold. On tier replica (touch) it writes all the same: only then does a WAIT
-- behind it mean that what it shows has reached the replicas.
local function refuse(now, packed, touch)
  if touch == '1' then redis.call('hset', COUNTS, '@', now) end
  return { 0, now, packed }
end
