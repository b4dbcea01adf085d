-- Moves the lease, saves a checkpoint, or both. Empty: the lease as it is, the ttl of the claim.
--
-- Invariant: only what is in progress or unknown, not expired, and held by the token or at the revision, changes.

return each(5, function(now, id, numbers, token, has_checkpoint, checkpoint)
  local revision, lease_ms, hold_ms_max, orphan_ttl_ms, grace_ms = terms(numbers)
  local packed = stored()
  local head, parts = open(packed)
  if not head or now >= head[EXPIRE] or not is_held(head[STATE]) or not fits(head, token, revision) then
    return false, packed
  end

  head[REVISION] = head[REVISION] + 1
  head[UPDATE] = now
  if has_checkpoint == '1' then parts.checkpoint = checkpoint end
  if lease_ms ~= '' then
    head[LEASE] = math.min(now + lease_ms, head[HOLD] + hold_ms_max)
    if head[STATE] == IN_PROGRESS then
      head[EXPIRE] = math.max(head[LEASE], now) + (tonumber(orphan_ttl_ms) or head[TTL])
      head[PURGE] = head[EXPIRE] + grace_ms
    end
  end
  even_when_full()
  return true, put(id, head, parts, '')
end)
