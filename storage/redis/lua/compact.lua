-- Does what is due with records: removes those past their purge, drops results past their time.
--
-- KEYS     1 names, 2 due, 3 held, 4 counts, 5 and on: records
-- ARGV     1 now or '', 2 '1' to work or '0' to look, then for each record its id and the instant it was found under
-- RETURNS  for each: 'removed', 'dropped', 'due' (when only looking), 'moved' (to its own instant), 'gone'
--
-- Invariant: a live lease and an outcome within its time stay. Work is done in the order in which it is really due: what
-- stood under an earlier instant only moves to its own.

local now = clock(ARGV[1])
local may_work = ARGV[2] == '1'

local function move(key, id, due)
  redis.call('setrange', key, DUE_OFFSET, struct.pack('<d', due))
  redis.call('zadd', DUE_SET, due, id)
end

local function drop_result(key, id, record)
  local tombstone = copy(record)
  tombstone[REVISION] = record[REVISION] + 1
  tombstone[DROPPED] = 1
  tombstone[RESULT_EXPIRE] = 0
  tombstone[DUE] = record[PURGE]
  -- Deleted first: when the memory is full, a script whose first write frees some may go on.
  redis.call('del', key)
  redis.call('zadd', DUE_SET, tombstone[DUE], id)
  put(key, id, tombstone, record, '')
end

local function compact(key, id, found)
  local record = open_front(key)
  if not record then
    forget(id)
    return 'gone'
  end
  local due = due_of(record)
  if found < due or now < due then
    move(key, id, due)
    return 'moved'
  end
  if not may_work then return 'due' end
  if now >= record[PURGE] then
    drop(key, id, record)
    return 'removed'
  end
  drop_result(key, id, record)
  return 'dropped'
end

local answers = {}
for at = 5, #KEYS do
  local of = 3 + (at - 5) * 2
  answers[at - 4] = compact(KEYS[at], ARGV[of], tonumber(ARGV[of + 1]))
end
return answers
