-- Does what is due with records: removes those past their purge, drops results past their time.
--
-- KEYS     1 index, 2 counts, 3 and on: records of one shard
-- ARGV     1 now or '', 2 '1' to work or '0' to look, then for each record its entry in the index and the instant there
-- RETURNS  for each: 'removed', 'dropped', 'due' (when only looking), 'moved' (it is not due, or not at that instant), or
--          'waits' (until the clock is past its revision)
--
-- Invariant: a live lease and an outcome within its time stay, and no record goes before the clock is past its revision. Work
-- is done in the order in which it is really due: what stood at an earlier instant, as an orphan's timer may, only moves to
-- its own.

INDEX, COUNTS = KEYS[1], KEYS[2]

local now = clock(ARGV[1])
local may_work = ARGV[2] == '1'

-- Where the entry belongs: nil when it does not.
local function instant_of(head, is_timer)
  if not head or is_timer ~= is_held(head[STATE]) then return nil end
  return due_of(head)
end

local function compact(entry, found)
  local is_timer = string.sub(entry, 1, 1) == TIMER
  local id = is_timer and string.sub(entry, 2) or entry
  local head, parts = open_front(RECORD)
  local due = instant_of(head, is_timer)
  if not due then
    -- Left over: of a record that was settled since, or that went without a script (evicted, deleted by hand), where what
    -- stands for an orphan would bring its timer back for ever. Where a record that is held stands it says itself.
    if is_timer or not head then forget(entry) end
    if not head then forget(id) end
    return 'moved'
  end
  if found ~= due or now < due then
    even_when_full()
    schedule(due, entry)
    return 'moved'
  end
  if now >= head[PURGE] and now <= head[REVISION] then return 'waits' end
  if not may_work then return 'due' end
  if now >= head[PURGE] then
    drop(id, parts)
    return 'removed'
  end
  head[REVISION] = head[REVISION] + 1
  head[DROPPED] = 1
  head[RESULT_EXPIRE] = 0
  even_when_full()
  put(id, head, parts, '')
  return 'dropped'
end

local answers = {}
for at = 3, #KEYS do
  RECORD = KEYS[at]
  local argument = 3 + (at - 3) * 2
  answers[at - 2] = compact(ARGV[argument], tonumber(ARGV[argument + 1]))
end
write()
return answers
