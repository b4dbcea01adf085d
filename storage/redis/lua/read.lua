-- The record as it stands, with or without its result.

return each(1, function(now, with_result)
  if with_result == '1' then return false, stored() end
  local _, _, front = open_front(RECORD)
  return false, front
end)
