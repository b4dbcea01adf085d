-- What the scripts of a record share; scripts.ts puts it in front of each.
--
-- A record is one string in one key: a head of fixed width, then the parts namespace, claim, outcome, error, checkpoint
-- and result as the server sent them, byte for byte, never looked into here. Error and checkpoint may be absent: their
-- length is kept one higher, 0 means none. pack.ts reads the same layout.
--
-- Invariant, held by `put` and `drop`: what the two other keys of a shard say of a record is what it says itself.
--   index   its id, once settled at the instant of compaction's next work with it; while it is in progress or unknown at
--           HELD plus the instant from which it is an orphan. An orphan has a second entry, TIMER and its id, never later
--           than its purge; one that is left over from before is found out when it is due (compact.lua).
--   counts  records and bytes by state and namespace
local HELD = 1000000000000000
local TIMER = '.'

-- Keys of the record in hand.
local INDEX, COUNTS, RECORD

local IN_PROGRESS, COMPLETED, FAILED, RELEASED, UNKNOWN = 1, 2, 3, 4, 5

-- The head is an array in the order in which it is packed: a table with names took three times as long.
local HEAD = '<BBBBc32dddddddddddddI4I4I4I4I4I4'
local HEAD_BYTES = 164
local WHOLE = HEAD .. 'c0c0c0c0c0c0'
local LAYOUT, STATE, ORIGIN, DROPPED, TOKEN = 1, 2, 3, 4, 5
local REVISION, ATTEMPT, FENCING, LEASE, HOLD, CREATE, UPDATE = 6, 7, 8, 9, 10, 11, 12
local SETTLE, RETRY, TTL, EXPIRE, RESULT_EXPIRE, PURGE = 13, 14, 15, 16, 17, 18
local NAMESPACE_BYTES, CLAIM_BYTES, OUTCOME_BYTES, ERROR_BYTES, CHECKPOINT_BYTES, RESULT_BYTES = 19, 20, 21, 22, 23, 24

-- One clock: the server's, read once a script, unless the caller brings a virtual one.
local function clock(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('time')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Numbers go to Redis as whole ones: left to itself it prints them as fractions, at ten times the cost. Those of one
-- batch repeat.
local printed = {}
local function whole(number)
  local text = printed[number]
  if not text then
    text = string.format('%d', number)
    printed[number] = text
  end
  return text
end

-- A full Redis (maxmemory) refuses a script whose first write takes memory. After one that does not it lets the rest run: so
-- what must work on a full Redis starts with a write that cannot take any. One a script is enough.
local is_let_run = false
local function even_when_full()
  if is_let_run then return end
  is_let_run = true
  redis.call('persist', RECORD)
end

-- On tier replica an operation that changed nothing writes all the same: only then does a WAIT behind it mean that what it
-- shows has reached the replicas.
local function touch(now)
  even_when_full()
  redis.call('hset', COUNTS, '@', whole(now))
end

-- The numbers of an operation, in one argument with a comma behind each, which may be empty: operations of one batch mostly
-- have the same, and then they are read once.
local known_terms = {}
local function terms(text)
  local found = known_terms[text]
  if not found then
    found = {}
    for term in string.gmatch(text, '([^,]*),') do found[#found + 1] = tonumber(term) or term end
    known_terms[text] = found
  end
  return unpack(found)
end

-- Runs one operation after the other, on the same clock.
--
-- KEYS     three for each operation: index, counts, record
-- ARGV     1 now or '', 2 '1' to touch, then `width` for each operation
-- RETURNS  now, then for each operation whether it was applied (1, 0) and the record
local function each(width, operate)
  local now = clock(ARGV[1])
  local answers = { now }
  for operation = 0, #KEYS / 3 - 1 do
    local key, argument = operation * 3, 2 + operation * width
    INDEX, COUNTS, RECORD = unpack(KEYS, key + 1, key + 3)
    local applied, packed = operate(now, unpack(ARGV, argument + 1, argument + width))
    if not applied and ARGV[2] == '1' then touch(now) end
    answers[operation * 2 + 2] = applied and 1 or 0
    answers[operation * 2 + 3] = packed
  end
  return answers
end

local function is_held(state) return state == IN_PROGRESS or state == UNKNOWN end

-- Whether the caller holds the record: by its token, or, without one, by the revision that it saw.
local function fits(head, token, revision)
  if token ~= '' then return head[TOKEN] == token end
  return head[REVISION] == tonumber(revision)
end

-- What a packed string holds, but for the result: its head and its parts, with what stands now for `put` to compare. Nil
-- for none. `bytes`: how long it is stored, when this is only the start of it.
local function open(packed, bytes)
  if not packed then return nil end
  local head = { struct.unpack(HEAD, packed) }
  local claim = HEAD_BYTES + head[NAMESPACE_BYTES]
  local outcome = claim + head[CLAIM_BYTES]
  local error = outcome + head[OUTCOME_BYTES]
  local checkpoint = error + math.max(head[ERROR_BYTES] - 1, 0)
  local result = checkpoint + math.max(head[CHECKPOINT_BYTES] - 1, 0)
  return head, {
    namespace = string.sub(packed, HEAD_BYTES + 1, claim),
    claim = string.sub(packed, claim + 1, outcome),
    outcome = string.sub(packed, outcome + 1, error),
    error = head[ERROR_BYTES] > 0 and string.sub(packed, error + 1, checkpoint),
    checkpoint = head[CHECKPOINT_BYTES] > 0 and string.sub(packed, checkpoint + 1, result),
    front_bytes = result,
    was_state = head[STATE],
    was_stored_bytes = (bytes or #packed) - checkpoint,
  }
end

-- As `open`, without reading the result, which may be a megabyte. Also returns all but the result, packed.
local function open_front(key)
  local packed = redis.call('getrange', key, 0, 4095)
  if packed == '' then return nil, nil, false end
  local bytes = redis.call('strlen', key)
  local head, parts = open(packed, bytes)
  if parts.front_bytes > #packed then
    packed = redis.call('getrange', key, 0, parts.front_bytes - 1)
    head, parts = open(packed, bytes)
  end
  return head, parts, string.sub(packed, 1, parts.front_bytes)
end

-- Packs a record in one go: Lua hashes each string that it makes, byte for byte.
local function seal(head, parts, result)
  local error, checkpoint = parts.error, parts.checkpoint
  head[NAMESPACE_BYTES] = #parts.namespace
  head[CLAIM_BYTES] = #parts.claim
  head[OUTCOME_BYTES] = #parts.outcome
  head[ERROR_BYTES] = error and #error + 1 or 0
  head[CHECKPOINT_BYTES] = checkpoint and #checkpoint + 1 or 0
  head[25], head[26], head[27] = parts.namespace, parts.claim, parts.outcome
  head[28], head[29], head[30] = error or '', checkpoint or '', result
  return struct.pack(WHOLE, unpack(head, 1, 30))
end

-- One number counts both: records times 2^40, plus bytes. A change stays whole in Lua's doubles, and the sum in the 64
-- bits of HINCRBY up to 2^22 records and 2^40 bytes a shard, namespace and state.
local ONE = 1099511627776

-- Lua prints a number slowly.
local STATE_FIELD = { '1', '2', '3', '4', '5' }

local function count(state, namespace, amount)
  if amount == 0 then return end
  local field = STATE_FIELD[state] .. namespace
  if redis.call('hincrby', COUNTS, field, whole(amount)) == 0 then redis.call('hdel', COUNTS, field) end
end

-- From what stood to `state` (nil: to nothing). In progress counts all records of the namespace, and the bytes of those in
-- progress; the other states count their own. Who reads subtracts, so that a claim and its outcome cost one count each.
local function recount(parts, state, stored_bytes)
  local namespace = parts.namespace
  local from = parts.was_state and ONE + parts.was_stored_bytes or 0
  local to = state and ONE + stored_bytes or 0
  local old, new = parts.was_state or IN_PROGRESS, state or IN_PROGRESS
  count(IN_PROGRESS, namespace, (new == IN_PROGRESS and to or ONE) - (old == IN_PROGRESS and from or ONE))
  if old == new then
    if new ~= IN_PROGRESS then count(new, namespace, to - from) end
    return
  end
  if old ~= IN_PROGRESS then count(old, namespace, -from) end
  if new ~= IN_PROGRESS then count(new, namespace, to) end
end

-- When compaction next has work with a record.
local function due_of(head)
  if head[RESULT_EXPIRE] ~= 0 then return math.min(head[RESULT_EXPIRE], head[PURGE]) end
  return head[PURGE]
end

local function score_of(head)
  if not is_held(head[STATE]) then return due_of(head) end
  return HELD + (head[STATE] == UNKNOWN and head[SETTLE] or head[LEASE])
end

-- Up to here a result goes back with the answer rather than being cut off it.
local RESULT_RETURNED_MAX = 1024

-- Stores a record and returns it packed; the result may be missing.
local function put(id, head, parts, result)
  local packed = seal(head, parts, result)
  redis.call('set', RECORD, packed)
  redis.call('zadd', INDEX, whole(score_of(head)), id)
  -- A timer from before this write may stand later than what is due now, also where a lease only became shorter.
  if parts.was_state and is_held(head[STATE]) then redis.call('zrem', INDEX, TIMER .. id) end
  recount(parts, head[STATE], #result + #(parts.checkpoint or ''))
  if #result <= RESULT_RETURNED_MAX then return packed end
  return string.sub(packed, 1, #packed - #result)
end

local function forget(id) redis.call('zrem', INDEX, id, TIMER .. id) end

local function drop(id, parts)
  redis.call('del', RECORD)
  forget(id)
  recount(parts)
end
