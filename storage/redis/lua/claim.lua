-- Takes the lease if the expectation holds: `absent`, or the revision at which the record stands.
--
-- Invariant: of claims with one expectation one is applied; revision and fencing token only grow.

local FRESH, LATE_RETRY, AFTER_RELEASE, TAKEN_OVER = 1, 2, 3, 4

return each(5, function(now, id, numbers, namespace, token, claim)
  local expected, lease_ms, orphan_ttl_ms, ttl_ms, grace_ms = terms(numbers)
  local packed = stored()
  local before, stood = open(packed)
  local present = before and now < before[EXPIRE] and before
  if expected == 'absent' then
    if present then return false, packed end
  elseif not present or not fits(present, '', expected) then
    return false, packed
  end

  local lease = now + lease_ms
  local expire = lease + orphan_ttl_ms
  local head = {
    1, IN_PROGRESS, FRESH, 0, token, now, 1, now, lease, now, now, now,
    0, 0, ttl_ms, expire, 0, expire + grace_ms,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  }
  local parts = { namespace = namespace, claim = claim, outcome = '', error = false, checkpoint = false,
    was_state = false, was_stored_bytes = 0 }
  if before then
    head[ORIGIN] = LATE_RETRY
    -- From the clock on, not from 1: a key that was purged and made again repeats neither number.
    head[REVISION] = math.max(before[REVISION] + 1, now)
    head[FENCING] = math.max(before[FENCING] + 1, now)
    parts.was_state, parts.was_stored_bytes = stood.was_state, stood.was_stored_bytes
  end
  if present then
    head[ORIGIN] = present[STATE] == RELEASED and AFTER_RELEASE or TAKEN_OVER
    head[ATTEMPT] = present[ATTEMPT] + 1
    head[CREATE] = present[CREATE]
    parts.error, parts.checkpoint = stood.error, stood.checkpoint
  end
  return true, put(id, head, parts, '')
end)
