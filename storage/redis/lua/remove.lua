-- Deletes a record that stands at a revision, once the clock is past that; a live lease only by force.

return each(3, function(now, id, revision, by_force)
  local head, parts = open_front(RECORD)
  if not head or not fits(head, '', revision) or now <= head[REVISION] then return false, false end
  if head[STATE] == IN_PROGRESS and now < head[LEASE] and by_force ~= '1' then return false, false end
  drop(id, parts)
  return true, false
end)
