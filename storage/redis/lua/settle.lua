-- Records how the attempt ended. Empty: the ttl of the claim, the error as it is. `time_ms`: until a retry of what is
-- released, how long the result of what is completed stays.
--
-- Invariant: an outcome is final. Only what is in progress or unknown, not expired, and held by the token or at the
-- revision, changes; at the revision also what is released.

return each(6, function(now, id, numbers, token, outcome, error, result)
  local revision, state, ttl_ms, grace_ms, time_ms = terms(numbers)
  local packed = stored()
  local head, parts = open(packed)
  local is_open = head and (is_held(head[STATE]) or token == '' and head[STATE] == RELEASED)
  if not is_open or now >= head[EXPIRE] or not fits(head, token, revision) then return false, packed end

  local ttl = tonumber(ttl_ms) or head[TTL]
  head[STATE] = state
  head[REVISION] = head[REVISION] + 1
  head[UPDATE] = now
  head[SETTLE] = now
  head[EXPIRE] = now + ttl
  head[PURGE] = head[EXPIRE] + grace_ms
  parts.outcome = outcome
  head[RETRY] = state == RELEASED and now + time_ms or 0
  -- An unknown outcome stays for the orphan ttl, but the ttl asked for its outcome still stands.
  if state ~= UNKNOWN then head[TTL] = ttl end
  if error ~= '' then parts.error = error end
  if state == COMPLETED then
    parts.error = false
    head[RESULT_BYTES] = #result
    head[RESULT_EXPIRE] = math.min(now + time_ms, head[EXPIRE])
  end
  if state == COMPLETED or state == FAILED then parts.checkpoint = false end
  even_when_full()
  return true, put(id, head, parts, result)
end)
