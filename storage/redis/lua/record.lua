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

-- What the records of the call's keys hold, read together when the first is asked for, and as written since; false for none.
local standing
local function stored()
  if not standing then
    standing = {}
    local found = redis.call('mget', unpack(KEYS, 3))
    for at = 3, #KEYS do standing[KEYS[at]] = found[at - 2] end
  end
  return standing[RECORD]
end

-- What a script is to write: records, records that go, scores and entries of the index, entries that go, and for each namespace
-- what its counts change by.
local records, dropped, entries, gone, tallies = {}, {}, {}, {}, {}
local is_dropped = {}
local is_let_run = false

local function store(packed)
  records[#records + 1] = RECORD
  records[#records + 1] = packed
  if standing then standing[RECORD] = packed end
end

local function schedule(instant, entry)
  entries[#entries + 1] = whole(instant)
  entries[#entries + 1] = entry
end

local function forget(entry) gone[#gone + 1] = entry end

-- A field's name in front of its namespace: records of each state, bytes of each.
local FIELDS = { 'r1', 'r2', 'r3', 'r4', 'r5', 'b1', 'b2', 'b3', 'b4', 'b5' }
local BYTES = 5

local function tally(namespace, field, amount)
  local amounts = tallies[namespace]
  if not amounts then
    amounts = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
    tallies[namespace] = amounts
  end
  amounts[field] = amounts[field] + amount
end

-- A full Redis (maxmemory) refuses a script whose first write takes memory. After one that does not it lets the rest run: so
-- what must work on a full Redis starts with a write that cannot take any. One a script is enough.
local function even_when_full() is_let_run = true end

-- A third of the time went into commands one by one, so all operations of a call share them. Until here nothing was
-- written, so a call that fails has changed nothing.
local function write()
  if is_let_run then redis.call('persist', INDEX) end
  if #dropped > 0 then redis.call('del', unpack(dropped)) end
  if #records > 0 then redis.call('mset', unpack(records)) end
  if #gone > 0 then redis.call('zrem', INDEX, unpack(gone)) end
  if #entries > 0 then redis.call('zadd', INDEX, unpack(entries)) end
  for namespace, amounts in pairs(tallies) do
    for field, amount in ipairs(amounts) do
      local name = amount ~= 0 and FIELDS[field] .. namespace
      if name and redis.call('hincrby', COUNTS, name, whole(amount)) == 0 then redis.call('hdel', COUNTS, name) end
    end
  end
end

-- Runs one operation after the other, on the same clock.
--
-- KEYS     1 index, 2 counts, then the record of each operation
-- ARGV     1 now or '', 2 '1' to touch, then `width` for each operation
-- RETURNS  now, then for each operation whether it was applied (1, 0) and the record
local function each(width, operate)
  INDEX, COUNTS = KEYS[1], KEYS[2]
  local now = clock(ARGV[1])
  local answers = { now }
  local is_touched = false
  for operation = 0, #KEYS - 3 do
    RECORD = KEYS[operation + 3]
    local argument = 2 + operation * width
    local applied, packed = operate(now, unpack(ARGV, argument + 1, argument + width))
    is_touched = is_touched or not applied and ARGV[2] == '1'
    answers[operation * 2 + 2] = applied and 1 or 0
    answers[operation * 2 + 3] = packed
  end
  if is_touched then even_when_full() end
  write()
  -- On tier replica an operation that changed nothing writes all the same: only then does a WAIT behind it mean that what it
  -- shows has reached the replicas.
  if is_touched then redis.call('hset', COUNTS, '@', whole(now)) end
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
  local packed = not is_dropped[key] and redis.call('getrange', key, 0, 4095) or ''
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

-- From what stood to `state` (nil: to nothing). In progress counts all records of the namespace, and the bytes of those in
-- progress; the other states count their own. Who reads subtracts, so that a claim and its outcome cost few counts.
local function recount(parts, state, stored_bytes)
  local namespace, was = parts.namespace, parts.was_state
  if was then
    tally(namespace, BYTES + was, -parts.was_stored_bytes)
    if was ~= IN_PROGRESS then tally(namespace, was, -1) end
  else
    tally(namespace, IN_PROGRESS, 1)
  end
  if state then
    tally(namespace, BYTES + state, stored_bytes)
    if state ~= IN_PROGRESS then tally(namespace, state, 1) end
  else
    tally(namespace, IN_PROGRESS, -1)
  end
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
  store(packed)
  schedule(score_of(head), id)
  -- A timer from before this write may stand later than what is due now, also where a lease only became shorter.
  if parts.was_state and is_held(head[STATE]) then forget(TIMER .. id) end
  recount(parts, head[STATE], #result + #(parts.checkpoint or ''))
  if #result <= RESULT_RETURNED_MAX then return packed end
  return string.sub(packed, 1, #packed - #result)
end

local function drop(id, parts)
  dropped[#dropped + 1] = RECORD
  is_dropped[RECORD] = true
  forget(id)
  forget(TIMER .. id)
  recount(parts)
end
