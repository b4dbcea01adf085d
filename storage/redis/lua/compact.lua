-- Does what is due with records: removes those past their purge, drops results past their time.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 and on: records of one shard
-- ARGV     1 now or '', 2 '1' to work or '0' to look, then for each record its id and the instant it was found under
-- RETURNS  for each: 'removed', 'dropped', 'due' (when only looking), 'moved' (to its own instant), 'gone'
--
-- Invariant: a live lease and an outcome within its time stay. Work is done in the order in which it is really due: what
-- stood under an earlier instant only moves to its own.

NAMES, DUE_SET, HELD, COUNTS = unpack(KEYS, 1, 4)

local now = clock(ARGV[1])
local may_work = ARGV[2] == '1'

local function move(id, due)
  redis.call('zrem', DUE_SET, id)
  redis.call('zadd', DUE_SET, due, id)
  redis.call('setrange', RECORD, DUE_OFFSET, struct.pack('<d', due))
end

local function drop_result(id, head, parts)
  head[REVISION] = head[REVISION] + 1
  head[DROPPED] = 1
  head[RESULT_EXPIRE] = 0
  head[DUE] = head[PURGE]
  redis.call('del', RECORD)
  redis.call('zadd', DUE_SET, head[DUE], id)
  put(id, head, parts, '')
end

local function compact(id, found)
  local head, parts = open_front(RECORD)
  if not head then
    forget(id)
    return 'gone'
  end
  local due = due_of(head)
  if found < due or now < due then
    move(id, due)
    return 'moved'
  end
  if not may_work then return 'due' end
  if now >= head[PURGE] then
    drop(id, parts)
    return 'removed'
  end
  drop_result(id, head, parts)
  return 'dropped'
end

local answers = {}
for at = 5, #KEYS do
  RECORD = KEYS[at]
  local argument = 3 + (at - 5) * 2
  answers[at - 4] = compact(ARGV[argument], tonumber(ARGV[argument + 1]))
end
return answers
