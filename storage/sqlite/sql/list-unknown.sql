-- In: after (settle_ms, id), limit. Out: the next candidates of which nobody knows how they ended, longest first.
select settle_ms, id
from records
where state = 4 and (settle_ms, id) > (@place, @id)
order by settle_ms, id
limit @limit
